import { readFile } from "node:fs/promises";
import { CribError, failedPrecondition } from "../../errors/crib-error.ts";
import type { Digest, ImageId } from "../../ids/digest.ts";
import type { GarbageStores } from "../content/collect-garbage.ts";
import { maxManifestBytes, parseManifest } from "../pull/manifest.ts";
import { canonicalName } from "../store/image-catalogue.ts";

/**
 * The manifest or index that an image goes by: what `word` says or stands for, what its other names stand for, or, of one without a
 * name, the manifest among its blobs.
 * @throws {CribError} failed-precondition when there is none.
 */
export async function targetOf(stores: GarbageStores, id: ImageId, word: string): Promise<{ readonly digest: Digest }> {
  const named = stores.index.namesOf(id);
  const asked = canonicalName(word);
  const best =
    named.find(({ reference }) => reference === asked) ??
    named.find(({ reference }) => reference.includes("@")) ??
    named[0];
  if (best !== undefined) return { digest: best.targetDigest };
  for (const digest of stores.index.record(id)?.contents ?? []) {
    const blob = stores.content.blobs.get(digest);
    if (blob === undefined || blob.sizeBytes > maxManifestBytes || !(await stores.content.isWhole(digest))) continue;
    if (isManifestOf(new Uint8Array(await readFile(stores.content.path(digest))), id)) return { digest };
  }
  throw failedPrecondition(`image ${id} has no manifest on this node: pull or import it again`);
}

function isManifestOf(bytes: Uint8Array, id: ImageId): boolean {
  try {
    const manifest = parseManifest(bytes, "", "blob");
    return manifest.kind === "manifest" && (manifest.config.digest as string) === id;
  } catch (error) {
    // A layer or a config.
    if (!CribError.is(error)) throw error;
    return false;
  }
}
