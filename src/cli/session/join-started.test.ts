import { expect, test } from "bun:test";
import { withoutOverlap } from "./join-started.ts";

const cases: readonly [logged: string, live: string, shown: string][] = [
  ["", "new", "new"],
  ["old\n", "new", "new"],
  ["one\ntwo\n", "two\nthree\n", "three\n"],
  ["all", "all", ""],
  ["aab", "ab", ""],
];

test.each(cases)("logged %j, live %j", (logged, live, shown) => {
  expect(Buffer.from(withoutOverlap(Buffer.from(logged), Buffer.from(live))).toString()).toBe(shown);
});
