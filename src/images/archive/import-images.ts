import { readFile } from "node:fs/promises";
import { CribError, invalidArgument } from "../../errors/crib-error.ts";
import type { ChainId, Digest } from "../../ids/digest.ts";
import type { Log } from "../../observe/log.ts";
import type { GarbageStores } from "../content/collect-garbage.ts";
import type { RoomKeeper } from "../content/room-keeper.ts";
import type { ImportedImage } from "../port.ts";
import { chainIds, installImage } from "../pull/install-image.ts";
import { type ManifestSource, type ResolvedImage, resolveImage } from "../pull/resolve-image.ts";
import type { Platform } from "../registry/platform.ts";
import { type ImageReference, repositoryName } from "../registry/reference.ts";
import type { BlobSource } from "../registry/repository.ts";
import { type ListedImage, listedImages } from "./listed-images.ts";
import { nameOf } from "./name-of.ts";
import { openArchive } from "./open-archive.ts";
import { ReceivedArchive } from "./received-archive.ts";

interface ImportWorld {
  readonly stores: GarbageStores;
  readonly platform: Platform;
  readonly room: Pick<RoomKeeper, "ensure">;
  readonly log: Log;
}

/** Takes an archive's images into the store. What it brought and no image has is gone when this is over. */
export async function importImages(
  { stores, platform, room, log }: ImportWorld,
  pieces: AsyncIterable<Uint8Array>,
  name: string | undefined,
  signal: AbortSignal,
): Promise<readonly ImportedImage[]> {
  const wanted = name === undefined ? undefined : nameOf(name);
  const archive = new ReceivedArchive(stores.content, stores.pins, room);
  const newLayers = new Set<ChainId>();
  const made: Digest[] = [];
  try {
    await archive.receive(openArchive(pieces, signal));
    const listed = listedImages(archive);
    const imported: ImportedImage[] = [];
    let refusal: unknown;
    for (const image of listed) {
      const references = wanted === undefined ? image.names.map(nameOf) : namesWith(wanted, image, listed.length);
      const names = references.map((reference) => `${repositoryName(reference)}:${reference.tag ?? "latest"}`);
      const { digest } = image.target;
      try {
        const resolved = await resolveListed(stores, image, references[0], platform, signal);
        for (const chainId of chainIds(resolved.parsed.diffIds))
          if (!stores.layers.has(chainId)) newLayers.add(chainId);
        if (image.made !== undefined && !stores.content.blobs.has(digest)) made.push(digest);
        // Of a manifest that was made here no registry knows: only what an archive brought has a name by its digest.
        const byDigest =
          image.made !== undefined ? [] : references.map((reference) => `${repositoryName(reference)}@${digest}`);
        const source = archiveSource(image);
        const imageId = await installImage(
          stores,
          resolved,
          [...new Set([...names, ...byDigest])],
          source,
          signal,
          () => undefined,
        );
        imported.push({ names, digest, outcome: "imported", imageId });
        log.info({ image: names[0] ?? "", names, digest, id: imageId }, "image imported");
      } catch (error) {
        // Of an image for other machines, or what is no image at all, an archive may have many.
        if (!CribError.is(error, "failed-precondition") && !CribError.is(error, "not-found")) throw error;
        refusal ??= error;
        imported.push({ names, digest, outcome: "skipped", why: error.message });
      }
    }
    if (imported.every(({ outcome }) => outcome === "skipped")) throw refusal;
    return imported;
  } finally {
    await archive[Symbol.asyncDispose]();
    await forget(stores, [...archive.strangers, ...made], [...newLayers]);
  }
}

async function resolveListed(
  stores: GarbageStores,
  image: ListedImage,
  name: ImageReference | undefined,
  platform: Platform,
  signal: AbortSignal,
): Promise<ResolvedImage> {
  const { content } = stores;
  const { target, made } = image;
  const source: ManifestSource = {
    manifest: async (reference) => {
      const digest = "digest" in reference ? reference.digest : target.digest;
      if (digest === made?.digest) return made;
      if (!(await content.isWhole(digest))) throw notInArchive(digest);
      const mediaType = digest === target.digest ? target.mediaType : "";
      return { digest, mediaType, bytes: new Uint8Array(await readFile(content.path(digest))) };
    },
    blob: ({ digest }) => Promise.reject(notInArchive(digest)),
  };
  const reference = { ...(name ?? { domain: "archive", path: "image", tag: undefined }), digest: target.digest };
  return await resolveImage(reference, source, content, platform, signal);
}

/** The blobs are in the store already, or nowhere. */
function archiveSource({ names, target }: ListedImage): BlobSource {
  return {
    registry: `archive of ${names[0] ?? target.digest}`,
    asksOnce: true,
    blob: ({ digest }) => Promise.reject(notInArchive(digest)),
    blobInto: (_file, { digest }) => Promise.reject(notInArchive(digest)),
    failed: () => undefined,
    wrong: () => undefined,
  };
}

function notInArchive(digest: Digest): CribError {
  return new CribError(
    "data-loss",
    `the archive lists ${digest} and does not have it: it was not written to its end, or in part`,
  );
}

function namesWith(wanted: ImageReference, image: ListedImage, images: number): readonly ImageReference[] {
  // What stands for a repository takes the tags that a layout has without one.
  if (image.tag !== undefined) return [nameOf(`${repositoryName(wanted)}:${image.tag}`)];
  if (images > 1)
    throw invalidArgument(
      `the archive has ${images} images: import it without a name, and name each with crib images tag`,
    );
  return [wanted];
}

/** Unlike a pull that failed, an import has nothing to go on with the next time. */
async function forget(stores: GarbageStores, blobs: readonly Digest[], layers: readonly ChainId[]): Promise<void> {
  const { digests, chainIds: used } = stores.index.inUse();
  for (const chainId of layers.toReversed())
    if (!used.has(chainId) && !stores.pins.has(chainId)) await stores.layers.delete(chainId);
  for (const digest of blobs) if (!digests.has(digest) && !stores.pins.has(digest)) await stores.content.delete(digest);
}
