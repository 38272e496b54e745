import { expect, test } from "bun:test";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";

test.each([
  { value: { at: 1_790_000_000_123_456_789n } },
  { value: [0n, -1n, 2n ** 80n] },
  { value: { nested: { text: "$n", list: [{ n: 1 }] } } },
])("bigints survive JSON exactly: $value", ({ value }) => {
  expect(parseWithBigints(stringifyWithBigints(value))).toEqual(value);
});
