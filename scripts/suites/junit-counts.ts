import { type Counts, failure } from "./suite.ts";

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
};
const decoded = (text: string): string =>
  text.replaceAll(/&(?:lt|gt|quot|apos|amp);/g, (entity) => entities[entity] ?? entity);

/** The test cases of a JUnit report that hold a failure, as `FILE: NAME`. */
export function failedCases(report: string): string[] {
  return [...report.matchAll(/<testcase\b([^>]*[^/])>\s*<(?:failure|error)\b/g)].map(([, attributes = ""]) => {
    const attribute = (name: string): string =>
      decoded(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "?");
    return `${attribute("file")}: ${attribute("name")}`;
  });
}

/**
 * The totals of a JUnit report, from the attributes of its root element.
 *
 * @param output what the run printed, told with the failures
 * @throws {Error} when there is none: a report that cannot be read must not count as "nothing failed".
 */
export function junitCounts(report: string, output = ""): Counts {
  const root = /<testsuites\b([^>]*)>/.exec(report)?.[1];
  if (root === undefined) throw new Error("the JUnit report has no <testsuites> element");
  const attribute = (name: string): number => {
    const value = new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1];
    if (value === undefined) throw new Error(`the JUnit report has no attribute ${name}`);
    return Number(value);
  };
  const failed = attribute("failures");
  const skipped = attribute("skipped");
  const failures = failed > 0 ? [failure(failedCases(report).join("\n"), output)] : [];
  return { passed: attribute("tests") - failed - skipped, failed, skipped, failures };
}
