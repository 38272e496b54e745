import { expect, test } from "bun:test";
import { parseProcessStatus, parseStartTime } from "./proc-stat.ts";

const rest = "S 1 7 7 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 1 0 987654321 100 5 18446744073709551615";

test.each(["sh", "a b", "evil) R 1 1", "((", ")"])("the start time is found behind the name %j", (name) => {
  expect(parseStartTime(`42 (${name}) ${rest}`)).toBe(987654321n);
});

test("something else is refused, not misread", () => {
  expect(() => parseStartTime("42 (sh) S 1 2")).toThrow("cannot read");
});

test("the state and the wait status of an ended process are found", () => {
  const ended =
    "7 (x) y) Z 1 7 7 0 -1 4227084 0 0 0 0 0 0 0 0 20 0 1 0 55 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 9";
  expect(parseProcessStatus(ended)).toEqual({ startTime: 55n, state: "Z", waitStatus: 9 });
});
