import { readFile } from "node:fs/promises";
import type { Digest } from "../../ids/digest.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { ManifestSource } from "../pull/resolve-image.ts";
import type { FetchedManifest } from "../registry/repository.ts";
import { atOnce } from "./pace.ts";

/** A repository whose documents are asked for here first: what can be mended without the network is. */
export function storedFirst(content: ContentStore, repository: ManifestSource): ManifestSource {
  return {
    manifest: async (reference, signal) =>
      ("digest" in reference ? await stored(content, reference.digest, signal) : undefined) ??
      (await repository.manifest(reference, signal)),
    blob: (...wanted) => repository.blob(...wanted),
  };
}

async function stored(
  content: ContentStore,
  digest: Digest,
  signal: AbortSignal,
): Promise<FetchedManifest | undefined> {
  if ((await content.problem(digest, atOnce(signal))) !== undefined) return undefined;
  // What it is says the document itself, or what it holds.
  return { digest, mediaType: "", bytes: new Uint8Array(await readFile(content.path(digest))) };
}
