import { createHash } from "node:crypto";
import type { ChainId, DiffId, ImageId } from "../../ids/digest.ts";
import type { Clock } from "../../observe/clock.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { Pins } from "../content/pins.ts";
import type { PullProgress } from "../port.ts";
import type { BlobSource } from "../registry/repository.ts";
import type { ImageCatalogue } from "../store/image-catalogue.ts";
import type { ReferenceRecord } from "../store/image-records.ts";
import type { LayerBuilds } from "../store/layers/layer-builds.ts";
import type { ResolvedImage } from "./resolve-image.ts";

/** Chain ids of a stack, bottom to top (OCI image-spec, config.md "Layer ChainID"). */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  let below: string | undefined;
  for (const diffId of diffIds) {
    below = below === undefined ? diffId : `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`;
    chain.push(below as ChainId);
  }
  return chain;
}

export interface Stores {
  readonly content: ContentStore;
  readonly builds: LayerBuilds;
  readonly index: ImageCatalogue;
  readonly pins: Pins;
  readonly clock: Clock;
}

/**
 * Brings a resolved image into the store: documents, layers side by side, and last of all the row that lists it.
 * One failing layer ends the others; what is whole stays for the next try.
 */
export async function installImage(
  stores: Stores,
  image: ResolvedImage,
  names: readonly string[],
  from: BlobSource,
  signal: AbortSignal,
  report: (progress: PullProgress) => void,
): Promise<ImageId> {
  const { manifest, parsed, documents, configBytes } = image;
  const chain = chainIds(parsed.diffIds);
  const contents = [
    ...documents.map(({ digest }) => digest),
    manifest.config.digest,
    ...manifest.layers.map(({ digest }) => digest),
  ];
  using _pinned = stores.pins.pin([...contents, ...chain]);
  for (const { digest, bytes } of documents) await stores.content.put(digest, bytes);
  await stores.content.put(manifest.config.digest, configBytes);
  await installLayers(stores, image, chain, from, signal, report);
  signal.throwIfAborted();
  const manifestBytes = documents.at(-1)?.bytes.length ?? 0;
  // A layer that was there already may have come from another blob (compressed otherwise, or in another image): the image
  // holds the layer by its chain, and of blobs those that the store has.
  const stored = contents.filter((digest) => stores.content.blobs.has(digest));
  const references = names.map(
    (reference): ReferenceRecord => ({ reference, imageId: image.id, targetDigest: image.targetDigest }),
  );
  stores.index.put(
    {
      id: image.id,
      rawConfig: new TextDecoder().decode(configBytes),
      sizeBytes: manifest.layers.reduce((sum, layer) => sum + layer.sizeBytes, configBytes.length + manifestBytes),
      pulledAtNs: stores.clock.now(),
      removed: false,
      chainIds: chain,
      contents: stored,
    },
    references,
  );
  return image.id;
}

async function installLayers(
  stores: Stores,
  { manifest, parsed }: ResolvedImage,
  chain: ReturnType<typeof chainIds>,
  from: BlobSource,
  signal: AbortSignal,
  report: (progress: PullProgress) => void,
): Promise<void> {
  const failure = new AbortController();
  const shared = AbortSignal.any([signal, failure.signal]);
  let belowReady: Promise<unknown> = Promise.resolve();
  const layers = manifest.layers.map((blob, position) => {
    const chainId = chain[position];
    const diffId = parsed.diffIds[position];
    if (chainId === undefined || diffId === undefined) return Promise.resolve();
    const wish = { chainId, diffId, blob, below: chain.slice(0, position), belowReady, from };
    const totalBytes = BigInt(blob.sizeBytes);
    const layer = stores.builds.ensure(wish, shared, (progress) => {
      report({ kind: "layer", digest: blob.digest, totalBytes, ...progress, doneBytes: BigInt(progress.doneBytes) });
    });
    belowReady = Promise.all([belowReady, layer]);
    // The wait below reports each layer's failure. This handler only keeps a failure that comes earlier from counting as unhandled.
    belowReady.catch(() => undefined);
    return layer.catch((error: unknown) => {
      failure.abort(error);
      throw error;
    });
  });
  const results = await Promise.allSettled(layers);
  if (signal.aborted) throw signal.reason;
  if (failure.signal.aborted) throw failure.signal.reason;
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
