import { readdir, rm, stat } from "node:fs/promises";
import { type ChainId, isDigest } from "../../ids/digest.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { DamagedStore } from "../check/damaged-store.ts";
import type { Stores } from "../pull/install-image.ts";
import type { ImageRecord } from "../store/image-records.ts";
import type { LayerStore } from "../store/layers/layer-store.ts";
import type { BlobDownloads } from "./blob-downloads.ts";

/** Half a blob is worth keeping for the retry of a pull, but not forever. */
const keepUnusedNs = 24n * 3600n * 1_000_000_000n;

export interface GarbageStores extends Stores {
  readonly layers: LayerStore;
  readonly downloads: BlobDownloads;
  readonly damaged: DamagedStore;
}

/** Deletes what crashes left, and what nothing has referred to for a day. */
export async function collectGarbage(stores: GarbageStores): Promise<void> {
  await stores.layers.sweep(stores.builds.active);
  const oldest = (stores.clock.now() - keepUnusedNs) as UnixNanos;
  await deleteOldIngests(stores, oldest);
  const held = stores.index.heldChainIds();
  for (const { name, digest, changedAtNs } of await stores.damaged.list()) {
    if (changedAtNs < oldest && !held.has(digest as ChainId)) await stores.damaged.remove(name);
  }
  const inUse = stores.index.inUse();
  for (const layer of [...stores.layers.layers.values()]) {
    if (!inUse.chainIds.has(layer.chainId) && !stores.pins.has(layer.chainId) && layer.createdAtNs < oldest)
      await stores.layers.delete(layer.chainId);
  }
  for (const blob of [...stores.content.blobs.values()]) {
    if (!inUse.digests.has(blob.digest) && !stores.pins.has(blob.digest) && blob.createdAtNs < oldest)
      await stores.content.delete(blob.digest);
  }
}

/** Deletes the layers and blobs of an image that is gone, but for those others use. */
export async function deleteContents(stores: GarbageStores, image: ImageRecord): Promise<void> {
  const inUse = stores.index.inUse();
  for (const chainId of [...image.chainIds].reverse()) {
    if (!inUse.chainIds.has(chainId) && !stores.pins.has(chainId)) await stores.layers.delete(chainId);
  }
  for (const digest of image.contents) {
    if (!inUse.digests.has(digest) && !stores.pins.has(digest)) await stores.content.delete(digest);
  }
}

async function deleteOldIngests(stores: GarbageStores, oldest: UnixNanos): Promise<void> {
  const directory = stores.content.ingestDirectory;
  for (const name of await readdir(directory)) {
    const digest = name.replace("-", ":");
    if (isDigest(digest) && stores.downloads.isRunning(digest)) continue;
    const path = joinHostPath(directory, name);
    const changedAtNs = BigInt(Math.trunc((await stat(path)).mtimeMs)) * 1_000_000n;
    if (changedAtNs < oldest) await rm(path, { force: true });
  }
}
