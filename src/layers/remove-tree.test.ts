import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fd } from "../ids/process.ts";
import { createLinuxKernel } from "../kernel/linux/linux.ts";
import { O_DIRECTORY, O_PATH } from "../kernel/open-flags.ts";
import { OwnedFd } from "../kernel/owned-fd.ts";
import { createSystemClock } from "../observe/system-clock.ts";
import { removeTree, removeTreeAside } from "./remove-tree.ts";

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

test("V62: of a directory of 4,000 names the event loop removes none, and others have their turns", async () => {
  mkdirSync(join(place, "wide"));
  for (let i = 0; i < 4_000; i++) closeSync(openSync(join(place, "wide", `a-name-of-some-length-${i}`), "w"));
  const own: string[] = [];
  const counting = { ...kernel, unlinkat: (_parent: Fd, name: string) => void own.push(name) };
  let turns = 0;
  const others = setInterval(() => turns++, 0);
  await inPlace((directory) => removeTreeAside(counting, createSystemClock(), directory, "wide"));
  clearInterval(others);
  expect(readdirSync(place)).toEqual([]);
  expect(own).toEqual([]);
  expect(turns).toBeGreaterThan(1);
});

test("what is removed aside may be absent, a file, a link, or 300 directories deep with the name that is used on the way", async () => {
  const clock = createSystemClock();
  writeFileSync(join(place, "file"), "");
  symlinkSync("file", join(place, "link"));
  mkdirSync(join(place, "deep", "d/".repeat(300)), { recursive: true });
  mkdirSync(join(place, "deep", ".crib-removing-0/inner"), { recursive: true });
  for (const name of ["link", "file", "absent", "deep"]) {
    await inPlace((directory) => removeTreeAside(kernel, clock, directory, name));
  }
  expect(readdirSync(place)).toEqual([]);
});

test("what cannot be removed aside is told, and a name is never a path", async () => {
  const clock = createSystemClock();
  using proc = new OwnedFd(kernel, kernel.open("/proc", O_PATH | O_DIRECTORY));
  const refused = await removeTreeAside(kernel, clock, proc.fd, "version").catch((error: unknown) => String(error));
  expect(refused).toContain("EPERM");
  mkdirSync(join(place, "tree/kept"), { recursive: true });
  const path = inPlace((directory) => removeTreeAside(kernel, clock, directory, "tree/kept"));
  expect(await path.catch((error: unknown) => String(error))).toContain("EINVAL");
  expect(readdirSync(join(place, "tree"))).toEqual(["kept"]);
});
