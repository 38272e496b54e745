import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { CribError, failedPrecondition, unavailable } from "../../errors/crib-error.ts";
import type { Digest, ImageId } from "../../ids/digest.ts";
import type { ContentStore } from "../content/content-store.ts";
import { formatPlatform, type Platform, platformRank, runnablePlatforms } from "../registry/platform.ts";
import { formatReference, type ImageReference } from "../registry/reference.ts";
import type { FetchedManifest, Repository } from "../registry/repository.ts";
import { maxConfigBytes, type ParsedConfig, parseImageConfig } from "./image-config.ts";
import { type Descriptor, type ImageIndex, type ImageManifest, maxIndexEntries, parseManifest } from "./manifest.ts";

const maxIndexDepth = 4;
const configTries = 3;

/** Everything there is to know about an image before its layers are fetched. */
export interface ResolvedImage {
  readonly id: ImageId;
  /** What the reference stands for: the digest of the manifest or, of a multi-platform image, of the index. */
  readonly targetDigest: Digest;
  /** Indexes and the manifest, outermost first. */
  readonly documents: readonly FetchedManifest[];
  readonly manifest: ImageManifest;
  readonly configBytes: Uint8Array;
  readonly parsed: ParsedConfig;
}

/** Where an image's documents come from. */
export type ManifestSource = Pick<Repository, "manifest" | "blob">;

/**
 * Asks the repository what a reference stands for on this host.
 * @throws {CribError} not-found when there is nothing for this platform; data-loss for documents that are not what their
 * digests or each other say; failed-precondition for what is no container image.
 */
export async function resolveImage(
  reference: ImageReference,
  from: ManifestSource,
  content: ContentStore,
  host: Platform,
  signal: AbortSignal,
): Promise<ResolvedImage> {
  const name = formatReference(reference);
  const runnable = runnablePlatforms(host);
  const root = await from.manifest(
    reference.digest === undefined ? { tag: reference.tag ?? "latest" } : { digest: reference.digest },
    signal,
  );
  const documents = [root];
  let document = root;
  let parsed = parseManifest(root.bytes, root.mediaType, `manifest of ${name}`);
  let entries = 0;
  while (parsed.kind === "index") {
    entries += parsed.manifests.length;
    if (entries > maxIndexEntries)
      throw failedPrecondition(`the indexes of image ${name} list more than ${maxIndexEntries} manifests`);
    if (documents.length > maxIndexDepth)
      throw failedPrecondition(`image ${name} nests indexes deeper than ${maxIndexDepth}`);
    const chosen = choosePlatform(parsed, runnable, name, host);
    document = await from.manifest({ digest: chosen.digest }, signal);
    checkSize(chosen, document.bytes.length);
    // What the index calls it is under the digest that was asked for; the header is not.
    document = { ...document, mediaType: chosen.mediaType || document.mediaType };
    parsed = parseManifest(document.bytes, document.mediaType, `manifest ${chosen.digest} of ${name}`);
    documents.push(document);
  }
  const configBytes = await fetchConfig(parsed.config, from, content, signal);
  const config = parseImageConfig(configBytes, `config ${parsed.config.digest} of ${name}`);
  checkPlatform(config.platform, runnable, name, host);
  if (config.diffIds.length !== parsed.layers.length) {
    throw new CribError(
      "data-loss",
      `image ${name} has ${parsed.layers.length} layers and ${config.diffIds.length} diff ids`,
    );
  }
  return {
    id: parsed.config.digest as ImageId,
    targetDigest: root.digest,
    documents,
    manifest: parsed,
    configBytes,
    parsed: config,
  };
}

function choosePlatform(index: ImageIndex, runnable: readonly Platform[], name: string, host: Platform): Descriptor {
  let best: { readonly rank: number; readonly descriptor: Descriptor } | undefined;
  for (const { descriptor, platform } of index.manifests) {
    const rank = platform === undefined ? runnable.length : platformRank(platform, runnable);
    if (rank !== -1 && (best === undefined || rank < best.rank)) best = { rank, descriptor };
  }
  if (best !== undefined) return best.descriptor;
  const offered = index.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  throw new CribError(
    "not-found",
    `image ${name} has nothing for ${formatPlatform(host)}; it has ${offered.slice(0, 20).join(", ") || "no platform at all"}`,
  );
}

/** An image that names no architecture (many made from scratch) is taken at its word that it runs anywhere. */
function checkPlatform(platform: Platform, runnable: readonly Platform[], name: string, host: Platform): void {
  if (platform.architecture === "") return;
  const wanted = { ...platform, variant: "" };
  if (!runnable.some((candidate) => platformRank(wanted, [{ ...candidate, variant: "" }]) === 0)) {
    throw failedPrecondition(
      `image ${name} is for ${formatPlatform(platform)}, this node runs ${formatPlatform(host)}`,
    );
  }
}

async function fetchConfig(
  descriptor: Descriptor,
  from: ManifestSource,
  content: ContentStore,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (descriptor.sizeBytes > maxConfigBytes) {
    throw failedPrecondition(
      `image config ${descriptor.digest} is ${descriptor.sizeBytes} bytes long, over ${maxConfigBytes}`,
    );
  }
  if (await content.isWhole(descriptor.digest)) {
    const stored = await readFile(content.path(descriptor.digest));
    if (hasDigest(stored, descriptor.digest)) return stored;
  }
  for (let attempt = 0; ; attempt++) {
    try {
      return await readBlob(descriptor, from, attempt, signal);
    } catch (error) {
      const mayHelp = CribError.is(error, "unavailable") || CribError.is(error, "data-loss");
      if (!mayHelp || attempt + 1 === configTries) throw error;
    }
  }
}

/** A small blob, whole and verified. @throws {CribError} unavailable, data-loss. */
export async function readBlob(
  descriptor: Descriptor,
  from: ManifestSource,
  attempt: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const body = await from.blob(descriptor, 0, attempt, signal);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body.pieces) {
    length += piece.length;
    if (length > descriptor.sizeBytes) break;
    parts.push(piece);
  }
  if (length < descriptor.sizeBytes)
    throw unavailable(`blob ${descriptor.digest} broke off at byte ${length} of ${descriptor.sizeBytes}`);
  checkSize(descriptor, length);
  const bytes = new Uint8Array(Buffer.concat(parts));
  if (!hasDigest(bytes, descriptor.digest))
    throw new CribError("data-loss", `blob ${descriptor.digest} from ${body.origin} has another digest`);
  return bytes;
}

function checkSize(descriptor: Descriptor, length: number): void {
  if (length !== descriptor.sizeBytes) {
    throw new CribError(
      "data-loss",
      `${descriptor.digest} is ${length} bytes long, its descriptor says ${descriptor.sizeBytes}`,
    );
  }
}

function hasDigest(bytes: Uint8Array, digest: Digest): boolean {
  const algorithm = digest.slice(0, digest.indexOf(":"));
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` === digest;
}
