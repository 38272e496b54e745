import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compareWithExpected, readExpected } from "./expected.ts";

const listed = readExpected(
  [
    "# T",
    "| spec | crib | containerd | why |",
    "|---|---|---|---|",
    "| `A b` | fails | passes | x |",
    "| `N …` | skipped | skipped | y |",
  ].join("\n"),
);
const spec = (name: string, state: "passed" | "failed" | "skipped") => ({ name, state, message: "" });
const surprisesOf = (...results: ReturnType<typeof spec>[]) =>
  compareWithExpected(results, listed, "crib", true).surprises;

describe("compareWithExpected", () => {
  test("a run as listed has no surprises", () => {
    const results = [spec("A b", "failed"), spec("N one", "skipped"), spec("C", "passed")];
    expect(compareWithExpected(results, listed, "crib", true)).toEqual({ surprises: [], understood: 2 });
  });

  test("an unlisted failure is one", () => {
    expect(surprisesOf(spec("A b", "failed"), spec("N 1", "skipped"), spec("C", "failed"))).toEqual([
      "C: failed, not passed",
    ]);
  });

  test("a listed one that passes is one, and a line that nothing answers to", () => {
    expect(surprisesOf(spec("A b", "passed"))).toEqual([
      "A b: passed, not failed",
      "N : listed, but there is no such spec",
    ]);
  });

  test("what a focus leaves out is none", () => {
    expect(compareWithExpected([spec("C", "skipped")], listed, "crib", false).surprises).toEqual([]);
  });
});

test("expected.md can be read, and lists nothing twice", () => {
  const names = readExpected(readFileSync(join(import.meta.dir, "expected.md"), "utf8")).map(({ name }) => name);
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names).size).toBe(names.length);
});
