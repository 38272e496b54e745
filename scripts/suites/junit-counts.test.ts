import { expect, test } from "bun:test";
import { failedCases, junitCounts } from "./junit-counts.ts";

test("totals come from the root element", () => {
  const report =
    '<?xml version="1.0"?>\n<testsuites name="bun test" tests="9" assertions="20" failures="2" skipped="3" time="1">\n<testsuite tests="1" failures="0" skipped="0"/>';
  expect(junitCounts(report)).toMatchObject({ passed: 4, failed: 2, skipped: 3 });
});

test("failed cases are named, with their file", () => {
  const report = [
    '<testcase name="good" classname="" time="0" file="a.test.ts" line="3" assertions="1" />',
    '<testcase name="a &gt; b" classname="" time="0" file="a.test.ts" line="4" assertions="1">',
    '  <failure type="AssertionError" />',
    "</testcase>",
    '<testcase name="left out" classname="" time="0" file="a.test.ts" line="9" assertions="0">',
    "  <skipped />",
    "</testcase>",
  ].join("\n");
  expect(failedCases(report)).toEqual(["a.test.ts: a > b"]);
});

test("a report without a failure names none", () => {
  expect(junitCounts('<testsuites tests="1" failures="0" skipped="0">', "much").failures).toEqual([]);
});

test.each(["", "<testsuites>", '<testsuites tests="1" failures="0">'])("%j is no report", (report) => {
  expect(() => junitCounts(report)).toThrow("JUnit");
});
