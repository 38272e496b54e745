import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const rows = readFileSync(join(root, "docs/security-tests.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| [VW]\d\d /.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, row = "", path = "", title = "", outcome = ""]) => ({
    row,
    path: path.replaceAll("`", ""),
    title,
    outcome,
  }));

/** Rows of the threat list that this part of the project answers for. There is no V48 and no V49. */
const ranges = [
  [1, 28],
  [45, 47],
  [50, 62],
  [65, 77],
  [90, 93],
] as const;
const wanted = ranges.flatMap(([from, to]) =>
  Array.from({ length: to - from + 1 }, (_, index) => `V${String(from + index).padStart(2, "0")}`),
);

describe("docs/security-tests.md", () => {
  test("has every row, once, in order", () =>
    expect(rows.map(({ row }) => row).filter((row) => row.startsWith("V"))).toEqual(wanted));

  for (const { row, path, title, outcome } of rows) {
    test(`${row} names a test that is there`, () => {
      expect(outcome).not.toBe("");
      expect(existsSync(join(root, path))).toBe(true);
      const text = readFileSync(join(root, path), "utf8").replaceAll(/\\(?=")/g, "");
      expect(text).toContain(title);
    });
  }
});
