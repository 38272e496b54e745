import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromRoot } from "../build/paths.ts";

const folder = fromRoot("docs", "decisions");
const pages = readdirSync(folder).filter((name) => /^\d{4}-.*\.md$/.test(name));
const index = readFileSync(join(folder, "README.md"), "utf8");

test.each(pages)("the index of decisions has %s once, with date and status", (name) => {
  const number = name.slice(0, 4);
  const rows = index.split("\n").filter((line) => line.startsWith(`| [${number}](`));
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatch(
    new RegExp(`^\\| \\[${number}\\]\\(${name}\\) \\| \\d{4}-\\d\\d-\\d\\d \\| [^|]+ \\| [^|]+ \\|$`),
  );
});

test.each(pages)("%s begins with its number and title", (name) => {
  expect(readFileSync(join(folder, name), "utf8")).toStartWith(`# ${name.slice(0, 4)} · `);
});

test("the index of decisions names no page that is missing", () => {
  const named = [...index.matchAll(/\]\((\d{4}-[^)]+)\)/g)].map((match) => match[1]);
  expect(named.filter((name) => name === undefined || !pages.includes(name))).toEqual([]);
});
