import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../../ids/digest.ts";
import { parseHostPath } from "../../ids/path.ts";
import type { GarbageStores } from "./collect-garbage.ts";
import { listLeftovers, removeLeftovers } from "./leftovers.ts";

const directory = mkdtempSync(join(tmpdir(), "crib-leftovers-"));
const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
const running = new Set<string>();
const path = (of: string): string => join(directory, of.replace(":", "-"));

/** Only what is on its way is real; nothing is in an image. */
const stores = {
  content: {
    directory: parseHostPath(directory),
    ingestDirectory: parseHostPath(directory),
    ingestPath: (of: Digest) => parseHostPath(path(of)),
    blobs: new Map(),
  },
  layers: { layers: new Map() },
  downloads: { isRunning: (of: Digest) => running.has(of) },
  index: { inUse: () => ({ digests: new Set(), chainIds: new Set() }), heldChainIds: () => new Set() },
  damaged: { list: async () => [] },
  pins: { has: () => false },
} as unknown as GarbageStores;

beforeEach(() => {
  running.clear();
  for (const [at, digit] of ["a", "b", "c"].entries()) {
    writeFileSync(path(digest(digit)), new Uint8Array(1000));
    utimesSync(path(digest(digit)), 100 - at, 100 - at);
  }
  writeFileSync(join(directory, "sha256-x.small-document"), "{}");
});
afterAll(() => rmSync(directory, { recursive: true }));

test("what is kept is bounded, and the oldest goes first", async () => {
  const removed = await removeLeftovers(stores, 2000);
  expect(removed.map((leftover) => leftover.digest)).toEqual([digest("c")]);
  expect((await listLeftovers(stores)).map((leftover) => leftover.digest)).toEqual([digest("b"), digest("a")]);
  await removeLeftovers(stores, 0);
  expect(await listLeftovers(stores)).toEqual([]);
  expect(existsSync(join(directory, "sha256-x.small-document"))).toBe(true);
});

test("what a download is filling stays", async () => {
  running.add(digest("c"));
  expect((await removeLeftovers(stores, 0)).map((leftover) => leftover.digest)).toEqual([digest("b"), digest("a")]);
  expect(existsSync(path(digest("c")))).toBe(true);
});
