import { expect, test } from "bun:test";
import { KeyedLocks } from "./keyed-locks.ts";

test("KeyedLocks lets holders of one key run one after another, in order", async () => {
  const locks = new KeyedLocks();
  const seen: string[] = [];
  const visit = async (name: string) => {
    using _held = await locks.acquire("a");
    seen.push(`${name} in`);
    await Promise.resolve();
    seen.push(`${name} out`);
  };
  await Promise.all([visit("1"), visit("2"), visit("3")]);
  expect(seen).toEqual(["1 in", "1 out", "2 in", "2 out", "3 in", "3 out"]);
});

test("KeyedLocks keeps different keys apart and forgets released ones", async () => {
  const locks = new KeyedLocks();
  const a = await locks.acquire("a");
  const b = await locks.acquire("b");
  expect(locks.size).toBe(2);
  a[Symbol.dispose]();
  b[Symbol.dispose]();
  expect(locks.size).toBe(0);
});
