import { expect, test } from "bun:test";
import { specJson } from "./spec-json.ts";

test.each([
  ["no limit on files", 2 ** 64, "18446744073709551615"],
  ["the largest memory limit", 2 ** 63, "9223372036854775807"],
  ["a limit that a double has exactly", 2 ** 60, "1152921504606846976"],
  ["a small one", 1_048_576, "1048576"],
  ["none", -1, "-1"],
  ["a share", 0.5, "0.5"],
])("%s is written as it is meant", (_what, value, written) => {
  expect(specJson({ linux: [{ hard: value, name: "x" }] })).toBe(`{"linux":[{"hard":${written},"name":"x"}]}`);
});
