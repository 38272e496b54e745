import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { fromRoot } from "../build/paths.ts";

/** Paths from the root of the tree, or from src/, with a folder: `port.ts` alone is any of many. */
function pathsOf(page: string): readonly string[] {
  const named = [...page.matchAll(/`([a-z][\w.-]*(?:\/[\w.-]+)*\/?)`/g)].map(([, path = ""]) => path);
  return [...new Set(named)].filter((path) => path.includes("/"));
}

const paths = pathsOf(readFileSync(fromRoot("docs/architecture.md"), "utf8"));

test("the page names many files", () => {
  expect(paths.length).toBeGreaterThan(60);
});

test.each(paths)("docs/architecture.md names what is there: %s", (path) => {
  expect([path, `src/${path}`].some((place) => existsSync(fromRoot(place)))).toBe(true);
});
