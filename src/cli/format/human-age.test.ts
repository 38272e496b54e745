import { expect, test } from "bun:test";
import { humanAge, humanSpan } from "./human-age.ts";

test.each([
  [-5, "0s"],
  [999, "0s"],
  [119_999, "119s"],
  [120_000, "2m"],
  [7_199_999, "119m"],
  [7_200_000, "2h"],
  [172_799_999, "47h"],
  [172_800_000, "2d"],
])("humanSpan(%p)", (ms, text) => {
  expect(humanSpan(ms)).toBe(text);
});

test("humanAge shows never as a dash", () => {
  expect(humanAge(0n, 5n)).toBe("-");
  expect(humanAge(1_000_000_000n, 6_000_000_000n)).toBe("5s");
});
