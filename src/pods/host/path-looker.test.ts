import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "../../../tests/fixtures/fake-clock.ts";
import { Errno } from "../../errors/errno.ts";
import type { Fd } from "../../ids/process.ts";
import { type Found, type Look, PathLooker } from "./path-looker.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let base: string;
let executable: Fd;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "crib-look-"));
  executable = openSync(join(import.meta.dir, "../../../build/crib-look"), "r") as Fd;
});
afterAll(() => {
  rmSync(base, { recursive: true });
  closeSync(executable);
});

async function look(...looks: readonly Look[]): Promise<readonly Found[]> {
  using looker = new PathLooker({ executable, clock: createFakeClock(), log });
  return await looker.lookAll(looks);
}

test("PathLooker makes what is missing, with the modes that others need, and leaves what is there", async () => {
  const made = join(base, "a/b/c");
  const file = join(base, "file");
  writeFileSync(file, "text", { mode: 0o600 });
  const [directory, kept] = await look({ kind: "make-directory", path: made }, { kind: "make-directory", path: file });
  expect(directory).toMatchObject({ errno: 0, mode: 0o040755 });
  expect(statSync(join(base, "a")).mode & 0o777).toBe(0o755);
  expect(kept).toMatchObject({ errno: 0, mode: 0o100600 });
});

test("PathLooker tells devices, real paths and contents, in the order of the questions", async () => {
  const file = join(base, "profile");
  writeFileSync(file, "x".repeat(70_000));
  symlinkSync(file, join(base, "link"));
  const [device, real, content, missing] = await look(
    { kind: "stat", path: "/dev/null" },
    { kind: "real-path", path: join(base, "link") },
    { kind: "read-file", path: join(base, "link") },
    { kind: "stat", path: join(base, "nothing") },
  );
  expect(device).toMatchObject({ errno: 0, deviceMajor: 1, deviceMinor: 3 });
  expect(Buffer.from(real?.data ?? []).toString()).toBe(file);
  expect(content?.data.length).toBe(70_000);
  expect(missing?.errno).toBe(Errno.ENOENT);
});

test("PathLooker reads neither what is too large nor what is no file, and does not wait for a FIFO", async () => {
  const large = join(base, "large");
  writeFileSync(large, Buffer.alloc((1 << 20) + 1));
  mkdirSync(join(base, "directory"));
  Bun.spawnSync(["mkfifo", join(base, "fifo")]);
  const found = await look(
    { kind: "read-file", path: large },
    { kind: "read-file", path: join(base, "directory") },
    { kind: "read-file", path: join(base, "fifo") },
    { kind: "read-file", path: "/dev/zero" },
  );
  expect(found.map(({ errno }) => errno)).toEqual([Errno.EFBIG, Errno.EINVAL, Errno.EINVAL, Errno.EINVAL]);
});

test("PathLooker answers two at once, and many after each other with few processes", async () => {
  using looker = new PathLooker({ executable, clock: createFakeClock(), log });
  for (let round = 0; round < 20; round++) {
    const both = await Promise.all([1, 2].map(() => looker.lookAll([{ kind: "stat", path: "/" }])));
    expect(both.flat().map(({ errno }) => errno)).toEqual([0, 0]);
  }
});
