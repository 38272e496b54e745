import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const rows = readFileSync(join(root, "docs/faults.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| F\d\d /.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, row = "", fault = "", path = "", title = "", expected = ""]) => ({
    row,
    fault,
    path: path.replaceAll("`", ""),
    title,
    expected,
  }));

const wanted = Array.from({ length: 20 }, (_, index) => `F${String(index + 1).padStart(2, "0")}`);

describe("docs/faults.md", () => {
  test("has every row, in order", () => {
    expect([...new Set(rows.map(({ row }) => row))]).toEqual(wanted);
    expect(rows.map(({ row }) => row)).toEqual(rows.map(({ row }) => row).sort());
  });

  for (const { row, fault, path, title, expected } of rows) {
    test(`${row}, ${fault}: names a test that is there, and what is expected of it`, () => {
      expect(expected).not.toBe("");
      expect(title).not.toBe("");
      expect(existsSync(join(root, path))).toBe(true);
      expect(readFileSync(join(root, path), "utf8").replaceAll(/\\(?=")/g, "")).toContain(title);
    });
  }
});
