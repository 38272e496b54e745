import { lstat, readdir } from "node:fs/promises";
import type { ContainerId } from "../../ids/object-id.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { Clock } from "../../observe/clock.ts";
import type { ContainerRecord } from "../../state/records.ts";
import { containerPaths } from "../host/container-paths.ts";
import type { WritableLayerUsage } from "../port.ts";

/** A scan is reused this long: clients poll every 10 s or more, and a writable layer can be large. */
const freshMs = 10_000;
/** Directories read before the event loop gets a turn of its own. */
const batch = 16;

interface Scan {
  readonly atMs: number;
  readonly usage: Promise<WritableLayerUsage>;
}

/** Bytes and inodes of writable layers, scanned in the background and shared by everyone who asks meanwhile. */
export class LayerUsage {
  readonly #clock: Clock;
  readonly #scans = new Map<ContainerId, Scan>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async of(record: ContainerRecord): Promise<WritableLayerUsage> {
    const now = this.#clock.monotonicMs();
    const known = this.#scans.get(record.id);
    if (known !== undefined && now - known.atMs < freshMs) return await known.usage;
    const usage = scan(containerPaths(record.directory).upper, this.#clock.now());
    this.#scans.set(record.id, { atMs: now, usage });
    return await usage;
  }

  forget(id: ContainerId): void {
    this.#scans.delete(id);
  }
}

async function scan(root: string, timestampNs: UnixNanos): Promise<WritableLayerUsage> {
  let usedBytes = 0n;
  let inodesUsed = 0n;
  const open = [root];
  while (open.length > 0) {
    const directories = open.splice(-batch);
    const listings = await Promise.all(directories.map(listDirectory));
    for (const listing of listings) {
      usedBytes += listing.bytes;
      inodesUsed += listing.inodes;
      open.push(...listing.directories);
    }
  }
  return { timestampNs, mountpoint: root, usedBytes, inodesUsed };
}

async function listDirectory(path: string): Promise<{ bytes: bigint; inodes: bigint; directories: string[] }> {
  const result = { bytes: 0n, inodes: 0n, directories: [] as string[] };
  try {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const child = `${path}/${entry.name}`;
      const stat = await lstat(child);
      result.bytes += BigInt(stat.blocks) * 512n;
      result.inodes += 1n;
      if (entry.isDirectory()) result.directories.push(child);
    }
  } catch (error) {
    // The workload deletes what it likes while we look; what is gone uses nothing.
    if (!(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")))
      throw error;
  }
  return result;
}
