import type { ChainId, Digest } from "../../ids/digest.ts";
import type { ImageCatalogue } from "../store/image-catalogue.ts";
import type { ImageRecord } from "../store/image-records.ts";

/** A blob or layer that images need, with the images. */
export type StoreItem = { readonly images: readonly ImageRecord[] } & (
  | { readonly kind: "blob"; readonly digest: Digest }
  | { readonly kind: "layer"; readonly digest: ChainId }
);

/** What the images of a store are made of, each part once: layers first, for containers start with them. */
export function storeItems(index: Pick<ImageCatalogue, "records">): readonly StoreItem[] {
  const layers = new Map<ChainId, ImageRecord[]>();
  const blobs = new Map<Digest, ImageRecord[]>();
  for (const image of index.records()) {
    for (const chainId of new Set(image.chainIds)) add(layers, chainId, image);
    for (const digest of new Set(image.contents)) add(blobs, digest, image);
  }
  return [
    ...[...layers].map(([digest, images]) => ({ kind: "layer" as const, digest, images })),
    ...[...blobs].map(([digest, images]) => ({ kind: "blob" as const, digest, images })),
  ];
}

function add<Key>(map: Map<Key, ImageRecord[]>, key: Key, image: ImageRecord): void {
  const images = map.get(key);
  if (images === undefined) map.set(key, [image]);
  else images.push(image);
}
