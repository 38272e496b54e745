import type { Counts } from "./suite.ts";

/**
 * The totals of a JUnit report, from the attributes of its root element.
 *
 * @throws {Error} when there is none: a report that cannot be read must not count as "nothing failed".
 */
export function junitCounts(report: string): Counts {
  const root = /<testsuites\b([^>]*)>/.exec(report)?.[1];
  if (root === undefined) throw new Error("the JUnit report has no <testsuites> element");
  const attribute = (name: string): number => {
    const value = new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1];
    if (value === undefined) throw new Error(`the JUnit report has no attribute ${name}`);
    return Number(value);
  };
  const failed = attribute("failures");
  const skipped = attribute("skipped");
  return { passed: attribute("tests") - failed - skipped, failed, skipped };
}
