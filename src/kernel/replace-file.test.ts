import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHostPath } from "../ids/path.ts";
import { replaceFile } from "./replace-file.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "replace-file-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("the new content is in the old one's place, with the mode asked for", () => {
  const path = parseHostPath(join(directory, "record"));
  writeFileSync(path, "old", { mode: 0o644 });
  replaceFile(path, "new", 0o600);
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["record"]);
});

test("a replacement that fails leaves nothing aside", () => {
  const path = parseHostPath(join(directory, "record"));
  // A directory cannot be replaced by a file: rename fails after the content was written.
  mkdirSync(path);
  expect(() => replaceFile(path, "new", 0o600)).toThrow("EISDIR");
  expect(readdirSync(directory)).toEqual(["record"]);
});
