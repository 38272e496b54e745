import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fd } from "../ids/process.ts";
import { createLinuxKernel } from "../kernel/linux.ts";
import { O_DIRECTORY, O_PATH } from "../kernel/open-flags.ts";
import { OwnedFd } from "../kernel/owned-fd.ts";
import { removeTree, removeTreeInPieces } from "./remove-tree.ts";

const kernel = createLinuxKernel();
let place = "";
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "crib-remove-"));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function inPlace<T>(work: (directory: Fd) => T | Promise<T>): Promise<T> {
  using directory = new OwnedFd(kernel, kernel.open(place, O_PATH | O_DIRECTORY));
  return await work(directory.fd);
}

test("removes files, links and directories, whatever bytes their names have, and follows none", async () => {
  mkdirSync(join(place, "kept"));
  writeFileSync(join(place, "kept/file"), "");
  mkdirSync(join(place, "tree/a/b"), { recursive: true });
  mkdirSync(join(place, "tree/.hidden"));
  symlinkSync("../kept", join(place, "tree/link"));
  symlinkSync("nowhere", join(place, "tree/a/dangling"));
  for (const name of ["...", "a b", "ü", "x".repeat(255)]) writeFileSync(join(place, "tree/a/b", name), "");
  writeFileSync(Buffer.concat([Buffer.from(join(place, "tree/a/")), Buffer.of(0xff, 0xfe)]), "");
  await inPlace((directory) => removeTree(kernel, directory, "tree"));
  expect([readdirSync(place), readdirSync(join(place, "kept"))]).toEqual([["kept"], ["file"]]);
});

test("what is absent, a file and a link are removed too", async () => {
  writeFileSync(join(place, "file"), "");
  symlinkSync("file", join(place, "link"));
  for (const name of ["link", "file", "absent"]) await inPlace((directory) => removeTree(kernel, directory, name));
  expect(readdirSync(place)).toEqual([]);
});

test("V62: a directory of 4,000 names is removed in pieces, so that nobody waits for the whole", async () => {
  mkdirSync(join(place, "wide"));
  for (let i = 0; i < 4_000; i++) closeSync(openSync(join(place, "wide", `a-name-of-some-length-${i}`), "w"));
  const pieces: number[] = [];
  const counting = {
    ...kernel,
    nextNames(directory: Fd) {
      const names = kernel.nextNames(directory);
      pieces.push(names.length);
      return names;
    },
  };
  let turns = 0;
  const others = setInterval(() => turns++, 0);
  await inPlace((directory) => removeTreeInPieces(counting, directory, "wide"));
  clearInterval(others);
  expect(readdirSync(place)).toEqual([]);
  expect(pieces.reduce((sum, piece) => sum + piece)).toBe(4_000);
  expect(Math.max(...pieces)).toBeLessThan(1_000);
  expect(turns).toBeGreaterThan(10);
});
