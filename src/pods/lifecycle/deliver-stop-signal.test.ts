import { expect, test } from "bun:test";
import { SIGKILL, SIGTERM } from "../../kernel/signals.ts";
import { hears } from "./deliver-stop-signal.ts";

const status = (inner: number, caught: string, blocked: string): string =>
  `Name:\tx\nNSpid:\t300\t${inner}\nSigBlk:\t${blocked}\nSigIgn:\t0000000000000000\nSigCgt:\t${caught}\n`;
const none = "0000000000000000";
const term = "0000000000004000";

test.each([
  ["PID 1 without a handler", status(1, none, none), false],
  ["PID 1 that catches it", status(1, term, none), true],
  ["PID 1 that blocks it: it is kept for later", status(1, none, term), true],
  ["PID 1 that catches others", status(1, "0000000000000002", none), false],
  ["any other process: the default action ends it", status(7, none, none), true],
  ["a process that is gone", "", true],
] as const)("%s", (_name, text, heard) => {
  expect(hears(text, SIGTERM)).toBe(heard);
});

test("the highest real-time signal has a bit, too", () => {
  expect(hears(status(1, "8000000000000000", none), 64)).toBe(true);
  expect(hears(status(1, none, none), SIGKILL)).toBe(false);
});
