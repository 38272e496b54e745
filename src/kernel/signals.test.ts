import { describe, expect, test } from "bun:test";
import { parseSignal, SIGRTMAX, SIGRTMIN, signalName } from "./signals.ts";

describe("parseSignal", () => {
  test.each([
    ["SIGTERM", 15],
    ["TERM", 15],
    ["sigquit", 3],
    ["kill", 9],
    ["15", 15],
    ["64", 64],
    ["SIGRTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["rtmin+3", 37],
    ["RTMAX-1", 63],
    ["SIGRTMAX", 64],
    ["SIGIOT", 6],
    ["SIGCLD", 17],
  ])("%s is %d", (text, number) => {
    expect(parseSignal(text)).toBe(number);
  });

  test.each([
    "",
    "0",
    "65",
    "-9",
    "SIG",
    "SIGFOO",
    "RTMIN+31",
    "RTMAX-31",
    "RTMIN-1",
    "9.0",
    " 9",
    "toString",
    "__proto__",
  ])("%j is no signal", (text) => {
    expect(parseSignal(text)).toBeUndefined();
  });
});

test("every number has a name that leads back to it", () => {
  const numbers = Array.from({ length: SIGRTMAX }, (_, index) => index + 1).filter((n) => n < 32 || n >= SIGRTMIN);
  for (const number of numbers) expect(parseSignal(signalName(number))).toBe(number);
  expect(signalName(99)).toBe("signal 99");
});
