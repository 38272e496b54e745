import { expect, test } from "bun:test";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";

test.each([
  { value: { at: 1_790_000_000_123_456_789n } },
  { value: [0n, -1n, 2n ** 80n] },
  { value: { nested: { text: "$n", list: [{ n: 1 }] } } },
  // An annotation may have any name.
  { value: { annotations: { $n: "5" } } },
  { value: { annotations: { $n: "not a number", $$n: "", $$$n: "x", n: "y", $m: "z" }, at: 1n } },
  { value: { annotations: JSON.parse('{"__proto__":"a","$n":"b"}') } },
])("bigints survive JSON exactly: $value", ({ value }) => {
  expect(parseWithBigints(stringifyWithBigints(value))).toEqual(value);
});
