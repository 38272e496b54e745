import { expect, test } from "bun:test";
import { parseBandwidth } from "./quantity.ts";

test.each([
  ["1k", 1000n],
  ["10M", 10_000_000n],
  ["1Mi", 1_048_576n],
  ["1.5G", 1_500_000_000n],
  ["2e6", 2_000_000n],
  ["1000", 1000n],
  ["1000.1", 1001n],
  ["1P", 10n ** 15n],
])("%s", (text, expected) => {
  expect(parseBandwidth(text, "rate")).toBe(expected);
});

test.each(["", "M", "-1M", "1m", "999", "2P", "1kM", "1Mi e3", "10 M", "1Me3", "9".repeat(40)])(
  "refuses %j",
  (text) => {
    expect(() => parseBandwidth(text, "annotation x")).toThrow(/annotation x/);
  },
);
