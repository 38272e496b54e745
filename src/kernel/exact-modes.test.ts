import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDirectories, writeWithMode } from "./exact-modes.ts";

let place = "";
let before = 0;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "crib-modes-"));
  before = process.umask(0o077);
});
afterEach(() => {
  process.umask(before);
  rmSync(place, { recursive: true });
});

const modeOf = (...names: string[]): string => (statSync(join(place, ...names)).mode & 0o7777).toString(8);

test.each([0o755, 0o1777, 0o700])("new directories have mode %o, all of them, under a private umask", (mode) => {
  makeDirectories(join(place, "a", "b", "c"), mode);
  const expected = mode.toString(8);
  expect([modeOf("a"), modeOf("a", "b"), modeOf("a", "b", "c")]).toEqual([expected, expected, expected]);
});

test("directories that are there keep their mode, behind links too", () => {
  mkdirSync(join(place, "there"));
  chmodSync(join(place, "there"), 0o710);
  symlinkSync("there", join(place, "link"));
  makeDirectories(join(place, "there"), 0o755);
  makeDirectories(join(place, "link", "new"), 0o755);
  expect([modeOf("there"), modeOf("there", "new")]).toEqual(["710", "755"]);
});

test("what is no directory is an error, and a dangling link makes nothing where it leads", () => {
  writeFileSync(join(place, "file"), "");
  expect(() => makeDirectories(join(place, "file"), 0o755)).toThrow(/ENOTDIR/);
  expect(() => makeDirectories(join(place, "file", "x"), 0o755)).toThrow(/ENOTDIR/);
  symlinkSync(join(place, "nowhere"), join(place, "dangling"));
  makeDirectories(join(place, "dangling"), 0o755);
  expect(() => statSync(join(place, "nowhere"))).toThrow(/ENOENT/);
});

test("a file has its mode, also when it was there with another", () => {
  writeWithMode(join(place, "file"), "one", 0o644);
  expect([modeOf("file"), readFileSync(join(place, "file"), "utf8")]).toEqual(["644", "one"]);
  writeWithMode(join(place, "file"), "2", 0o600);
  expect([modeOf("file"), readFileSync(join(place, "file"), "utf8")]).toEqual(["600", "2"]);
});
