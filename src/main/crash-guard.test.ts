import { expect, test } from "bun:test";
import { crashGuard } from "./crash-guard.ts";

test("crashGuard() survives a few failures a minute and ends at a storm of them", () => {
  let nowMs = 0;
  const exits: number[] = [];
  const messages: string[] = [];
  const write = (_fields: unknown, message: string) => void messages.push(message);
  const guard = crashGuard(
    { debug: write, info: write, warn: write, error: write },
    { monotonicMs: () => nowMs },
    (code) => void exits.push(code),
  );
  for (let i = 0; i < 100; i += 1) {
    guard(new Error("x"), "unhandledRejection");
    nowMs += 5000;
  }
  expect(exits).toEqual([]);
  expect(messages).toHaveLength(100);
  for (let i = 0; i < 21; i += 1) guard(undefined, "uncaughtException");
  expect(exits[0]).toBe(70);
});
