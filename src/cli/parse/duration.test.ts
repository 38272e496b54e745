import { expect, test } from "bun:test";
import { parseDuration } from "./duration.ts";

test.each([
  ["90", 90_000],
  ["1.5", 1500],
  ["500ms", 500],
  ["30s", 30_000],
  ["1h30m", 5_400_000],
  ["2d", 172_800_000],
])("parseDuration(%s)", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "s", "-1s", "1 s", "1x", "5s5", "١s"])("parseDuration(%j) is refused with an example", (text) => {
  expect(() => parseDuration(text)).toThrow("30s");
});
