import { expect, test } from "bun:test";
import type { UnixNanos } from "../ids/units.ts";
import { parseLogTime } from "./parse-log-time.ts";

test.each([
  ["1970-01-01T00:00:01Z", 1_000_000_000n],
  ["1970-01-01T00:00:00.000000001Z", 1n],
  ["1970-01-01T00:00:00.5Z", 500_000_000n],
  ["1970-01-01T01:00:00.1+01:00", 100_000_000n],
] as const)("parseLogTime(%s)", (text, nanos) => {
  expect(parseLogTime(text)).toBe(nanos as UnixNanos);
});

test.each(["", "now", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-01-01T00:00:00.0000000001Z"])(
  "parseLogTime(%j) is no moment",
  (text) => {
    expect(parseLogTime(text)).toBeUndefined();
  },
);
