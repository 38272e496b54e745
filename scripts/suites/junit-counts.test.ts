import { expect, test } from "bun:test";
import { junitCounts } from "./junit-counts.ts";

test("totals come from the root element", () => {
  const report =
    '<?xml version="1.0"?>\n<testsuites name="bun test" tests="9" assertions="20" failures="2" skipped="3" time="1">\n<testsuite tests="1" failures="0" skipped="0"/>';
  expect(junitCounts(report)).toEqual({ passed: 4, failed: 2, skipped: 3 });
});

test.each(["", "<testsuites>", '<testsuites tests="1" failures="0">'])("%j is no report", (report) => {
  expect(() => junitCounts(report)).toThrow("JUnit");
});
