import type { ImageId } from "../../ids/digest.ts";
import type { ImageBlob, ImageLayer } from "../port.ts";
import type { GarbageStores } from "./collect-garbage.ts";

/** The unpacked layers of an image, bottom first. */
export function layersOf({ index, layers }: GarbageStores, id: ImageId): readonly ImageLayer[] {
  return (index.record(id)?.chainIds ?? []).flatMap((chainId) => {
    const layer = layers.layers.get(chainId);
    if (layer === undefined) return [];
    const { diffId, diskBytes, inodes } = layer;
    return [{ chainId, diffId, directory: layers.lowerDir(chainId), diskBytes, inodes }];
  });
}

/** The blobs of an image that are kept. */
export function blobsOf({ index, content }: GarbageStores, id: ImageId): readonly ImageBlob[] {
  return (index.record(id)?.contents ?? []).flatMap((digest) => {
    const blob = content.blobs.get(digest);
    return blob === undefined ? [] : [{ digest, sizeBytes: blob.sizeBytes }];
  });
}
