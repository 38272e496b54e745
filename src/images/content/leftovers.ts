import { unlinkSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { assertNever } from "../../errors/assert-never.ts";
import { CribError } from "../../errors/crib-error.ts";
import { type ChainId, isDigest } from "../../ids/digest.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { Log } from "../../observe/log.ts";
import type { Leftover } from "../port.ts";
import type { GarbageStores } from "./collect-garbage.ts";
import { type FileSystemSpace, spaceOf } from "./space-of.ts";

/** What failed pulls may leave for the next try, unless a tenth of the file system is less. */
const maxKeptBytes = 10 * 1024 ** 3;
/** With less than this free, nothing is kept: a twentieth of the file system, of a large one the bytes. */
const scarceFraction = 0.05;
const scarceBytes = 10 * 1024 ** 3;

/** What no image has and no pull is using: blobs in part, and blobs and layers of pulls that failed. Oldest first. */
export async function listLeftovers(stores: GarbageStores): Promise<readonly Leftover[]> {
  const inUse = stores.index.inUse();
  const found: Leftover[] = await listPartialBlobs(stores);
  for (const { digest, sizeBytes, createdAtNs } of stores.content.blobs.values()) {
    if (!inUse.digests.has(digest) && !stores.pins.has(digest))
      found.push({ kind: "blob", digest, bytes: sizeBytes, changedAtNs: createdAtNs });
  }
  for (const { chainId, diskBytes, createdAtNs } of stores.layers.layers.values()) {
    if (!inUse.chainIds.has(chainId) && !stores.pins.has(chainId))
      found.push({ kind: "layer", digest: chainId, bytes: diskBytes, changedAtNs: createdAtNs });
  }
  const held = stores.index.heldChainIds();
  for (const { digest, name, bytes, changedAtNs } of await stores.damaged.list()) {
    if (!held.has(digest as ChainId)) found.push({ kind: "damaged", digest, name, bytes, changedAtNs });
  }
  return found.toSorted((a, b) => Number(a.changedAtNs - b.changedAtNs));
}

/** Deletes leftovers, oldest first, until at most `keepBytes` are left. @returns what was deleted. */
export async function removeLeftovers(stores: GarbageStores, keepBytes: number): Promise<readonly Leftover[]> {
  const leftovers = await listLeftovers(stores);
  let bytes = leftovers.reduce((sum, leftover) => sum + leftover.bytes, 0);
  const removed: Leftover[] = [];
  for (const leftover of leftovers) {
    if (bytes <= keepBytes && keepBytes > 0) break;
    if (!(await removeLeftover(stores, leftover))) continue;
    bytes -= leftover.bytes;
    removed.push(leftover);
  }
  return removed;
}

/**
 * Runs a pull with what room there is: where space is scarce, leftovers of others go before it; what a failed pull leaves is bounded,
 * and nothing when it failed for want of room.
 */
export async function withinRoom<T>(stores: GarbageStores, log: Log, pull: () => Promise<T>): Promise<T> {
  const told = (removed: readonly Leftover[], why: string): void => {
    const bytes = removed.reduce((sum, leftover) => sum + leftover.bytes, 0);
    if (removed.length > 0) log.info({ bytes, items: removed.length, why }, "what failed pulls had left was deleted");
  };
  if (await isScarce(stores)) told(await removeLeftovers(stores, 0), "space is scarce");
  try {
    return await pull();
  } catch (error) {
    const isFull = CribError.is(error, "resource-exhausted");
    const keep = isFull ? 0 : Math.min(maxKeptBytes, (await fileSystem(stores)).totalBytes / 10);
    told(await removeLeftovers(stores, keep), isFull ? "no room" : "more than is kept");
    throw error;
  }
}

async function isScarce(stores: GarbageStores): Promise<boolean> {
  const { freeBytes, totalBytes } = await fileSystem(stores);
  return freeBytes < Math.min(scarceBytes, totalBytes * scarceFraction);
}

const fileSystem = (stores: GarbageStores): Promise<FileSystemSpace> => spaceOf(stores.content.directory);

async function listPartialBlobs(stores: GarbageStores): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const name of await readdir(stores.content.ingestDirectory)) {
    const digest = name.replace("-", ":");
    // Other names are small documents on their way, and gone in a moment.
    if (!isDigest(digest) || stores.downloads.isRunning(digest)) continue;
    const file = await stat(joinHostPath(stores.content.ingestDirectory, name)).catch(() => undefined);
    if (file === undefined) continue;
    const changedAtNs = (BigInt(Math.trunc(file.mtimeMs)) * 1_000_000n) as UnixNanos;
    found.push({ kind: "partial-blob", digest, bytes: file.size, changedAtNs });
  }
  return found;
}

/** Looks again whether it is used, and removes it in the same step. @returns whether it is gone. */
async function removeLeftover(stores: GarbageStores, leftover: Leftover): Promise<boolean> {
  switch (leftover.kind) {
    case "partial-blob":
      if (stores.downloads.isRunning(leftover.digest)) return false;
      unlinkSync(stores.content.ingestPath(leftover.digest));
      return true;
    case "blob":
      if (stores.pins.has(leftover.digest) || stores.index.inUse().digests.has(leftover.digest)) return false;
      await stores.content.delete(leftover.digest);
      return true;
    case "layer":
      if (stores.pins.has(leftover.digest) || stores.index.inUse().chainIds.has(leftover.digest)) return false;
      await stores.layers.delete(leftover.digest);
      return true;
    case "damaged":
      if (stores.index.heldChainIds().has(leftover.digest as ChainId)) return false;
      await stores.damaged.remove(leftover.name);
      return true;
    default:
      return assertNever(leftover, "leftover");
  }
}
