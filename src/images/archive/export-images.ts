import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { type CribError, dataLoss, failedPrecondition, notFound } from "../../errors/crib-error.ts";
import type { Digest } from "../../ids/digest.ts";
import type { HostPath } from "../../ids/path.ts";
import { chainIds } from "../../images/pull/install-image.ts";
import { writeTarHeader } from "../../layers/tar/tar-writer.ts";
import type { GarbageStores } from "../content/collect-garbage.ts";
import { sha256 } from "../content/sha256.ts";
import type { ExportRequest, Image } from "../port.ts";
import { type Descriptor, parseManifest } from "../pull/manifest.ts";
import { type ResolvedImage, resolveImage } from "../pull/resolve-image.ts";
import type { Platform } from "../registry/platform.ts";
import { canonicalName } from "../store/image-catalogue.ts";
import { targetOf } from "./image-target.ts";

/** A file of the archive. `bytes` are what it holds, or `path` is where that is. */
interface Member {
  readonly name: string;
  readonly digest?: Digest;
  readonly sizeBytes: number;
  readonly content: { readonly bytes: Uint8Array } | { readonly path: HostPath };
}

interface Exported {
  readonly names: readonly string[];
  readonly target: Descriptor;
  readonly config: Digest;
  readonly layers: readonly Digest[];
  readonly blobs: readonly Member[];
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const plainLayerType = "application/vnd.oci.image.layer.v1.tar";
const blockBytes = 512;
const pieceBytes = 256 * 1024;

/**
 * Writes images as an OCI layout, with the document that `docker load` goes by as well. Every blob is verified as it is read.
 * Only the platform of this node is in it; an index that has others is written as it is (OCI image-layout: blobs may be missing).
 */
export async function* exportImages(
  stores: GarbageStores,
  platform: Platform,
  { images: words, rebuild }: ExportRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const images: Exported[] = [];
  const pinned = new DisposableStack();
  using _pinned = pinned;
  for (const word of words) {
    const image = stores.index.find(word);
    if (image === undefined) throw notFound("image", word);
    const record = stores.index.record(image.id);
    pinned.use(stores.pins.pin([...(record?.contents ?? []), ...(record?.chainIds ?? [])]));
    images.push(await toExport(stores, image, word, { platform, rebuild }, signal));
  }
  const text = (document: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(document));
  const document = (name: string, content: unknown): Member => {
    const bytes = text(content);
    return { name, sizeBytes: bytes.length, content: { bytes } };
  };
  yield* directory("blobs/");
  yield* directory("blobs/sha256/");
  if (images.some(({ blobs }) => blobs.some(({ digest }) => digest?.startsWith("sha512:"))))
    yield* directory("blobs/sha512/");
  yield* writeMember(document("oci-layout", { imageLayoutVersion: "1.0.0" }), signal);
  yield* writeMember(document("index.json", layoutIndex(images)), signal);
  yield* writeMember(document("manifest.json", dockerManifest(images)), signal);
  const written = new Set<string>();
  for (const member of images.flatMap(({ blobs }) => blobs)) {
    if (written.has(member.name)) continue;
    written.add(member.name);
    yield* writeMember(member, signal);
  }
  yield new Uint8Array(2 * blockBytes);
}

async function toExport(
  stores: GarbageStores,
  image: Image,
  word: string,
  { platform, rebuild }: { readonly platform: Platform; readonly rebuild: boolean },
  signal: AbortSignal,
): Promise<Exported> {
  const { content } = stores;
  const target = await targetOf(stores, image.id, word);
  const stored = async (digest: Digest): Promise<Uint8Array> => {
    if (!(await content.isWhole(digest))) throw notKept(word, digest);
    return new Uint8Array(await readFile(content.path(digest)));
  };
  const reference = { domain: "store", path: "image", tag: undefined, digest: target.digest };
  const source = {
    manifest: async (asked: { readonly tag: string } | { readonly digest: Digest }) => {
      const digest = "digest" in asked ? asked.digest : target.digest;
      return { digest, mediaType: "", bytes: await stored(digest) };
    },
    blob: ({ digest }: { readonly digest: Digest }) => Promise.reject(notKept(word, digest)),
  };
  const resolved = await resolveImage(reference, source, content, platform, signal);
  if (resolved.id !== image.id)
    throw failedPrecondition(`image ${word} is for other machines than this node: it cannot be exported here`);
  const layers = await Promise.all(
    resolved.manifest.layers.map(async (layer, position) => {
      if (await content.isWhole(layer.digest)) return { descriptor: layer, path: content.path(layer.digest) };
      if (!rebuild) throw notKept(word, layer.digest);
      return await archiveOf(stores, resolved, position, word);
    }),
  );
  const isRebuilt = layers.some(({ descriptor }, position) => descriptor !== resolved.manifest.layers[position]);
  const manifests = isRebuilt
    ? [
        rebuiltManifest(
          resolved,
          layers.map(({ descriptor }) => descriptor),
        ),
      ]
    : resolved.documents.map(({ digest, mediaType, bytes }) => ({
        digest,
        mediaType: mediaTypeOf(bytes, mediaType),
        bytes,
      }));
  const [root] = manifests;
  if (root === undefined) throw dataLoss(`image ${word} has no manifest`);
  return {
    names: namesOf(image, word),
    target: { mediaType: root.mediaType, digest: root.digest, sizeBytes: root.bytes.length },
    config: image.id,
    layers: layers.map(({ descriptor }) => descriptor.digest),
    blobs: [
      ...manifests.map(({ digest, bytes }) => blobMember({ digest, sizeBytes: bytes.length }, { bytes })),
      blobMember(resolved.manifest.config, { bytes: resolved.configBytes }),
      ...layers.map(({ descriptor, path }) => blobMember(descriptor, { path })),
    ],
  };
}

/** The layer as it is kept: where that is an archive, it is the very bytes that its diff id is of. */
async function archiveOf(
  stores: GarbageStores,
  { parsed, manifest }: ResolvedImage,
  position: number,
  word: string,
): Promise<{ readonly descriptor: Descriptor; readonly path: HostPath }> {
  const [chainId, diffId] = [chainIds(parsed.diffIds)[position], parsed.diffIds[position]];
  const path = chainId === undefined ? undefined : stores.layers.archivePath(chainId);
  if (path === undefined || diffId === undefined) {
    const digest = manifest.layers[position]?.digest ?? parsed.diffIds[position];
    throw failedPrecondition(
      `layer ${digest} of image ${word} is kept as a directory, of which its archive cannot be made again: pull the image again`,
    );
  }
  const { size } = await stat(path);
  return { descriptor: { mediaType: plainLayerType, digest: diffId, sizeBytes: size }, path };
}

function rebuiltManifest({ manifest }: ResolvedImage, layers: readonly Descriptor[]) {
  const written = ({ mediaType, digest, sizeBytes }: Descriptor) => ({ mediaType, digest, size: sizeBytes });
  const config = { ...manifest.config, mediaType: "application/vnd.oci.image.config.v1+json" };
  const document = { schemaVersion: 2, mediaType: manifestType, config: written(config), layers: layers.map(written) };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return { digest: sha256(bytes), mediaType: manifestType, bytes };
}

/** What a manifest is, by itself where it says so. */
function mediaTypeOf(bytes: Uint8Array, known: string): string {
  const stated: unknown = (JSON.parse(new TextDecoder().decode(bytes)) as { mediaType?: unknown }).mediaType;
  if (typeof stated === "string" && stated !== "") return stated;
  if (known !== "") return known;
  return parseManifest(bytes, "", "manifest").kind === "index"
    ? "application/vnd.oci.image.index.v1+json"
    : manifestType;
}

/** The name that was asked for; all of an image that was named by its id. */
function namesOf(image: Image, word: string): readonly string[] {
  const asked = canonicalName(word);
  return asked !== undefined && image.repoTags.includes(asked) ? [asked] : image.repoTags;
}

function notKept(word: string, digest: Digest): CribError {
  return failedPrecondition(
    `blob ${digest} of image ${word} is not kept here: pull the image again, or export it with --rebuild, which writes its layers uncompressed under another manifest`,
  );
}

function blobMember(blob: Pick<Descriptor, "digest" | "sizeBytes">, content: Member["content"]): Member {
  return { name: `blobs/${blob.digest.replace(":", "/")}`, digest: blob.digest, sizeBytes: blob.sizeBytes, content };
}

function layoutIndex(images: readonly Exported[]): unknown {
  const entries = images.flatMap(({ names, target }) => {
    const { mediaType, digest, sizeBytes: size } = target;
    const descriptor = { mediaType, digest, size };
    return names.length === 0
      ? [descriptor]
      : names.map((name) => ({
          ...descriptor,
          annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name },
        }));
  });
  return { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: entries };
}

function dockerManifest(images: readonly Exported[]): unknown {
  const place = (digest: Digest): string => `blobs/${digest.replace(":", "/")}`;
  return images.map(({ names, config, layers }) => ({
    Config: place(config),
    RepoTags: names,
    Layers: layers.map(place),
  }));
}

function* directory(name: string): Generator<Uint8Array> {
  yield writeTarHeader({ type: "5", name }, 0);
}

async function* writeMember(
  { name, digest, sizeBytes, content }: Member,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  yield writeTarHeader({ name }, sizeBytes);
  if ("bytes" in content) yield content.bytes;
  else {
    const hash = createHash(digest?.startsWith("sha512:") === true ? "sha512" : "sha256");
    let length = 0;
    for await (const piece of createReadStream(content.path, {
      highWaterMark: pieceBytes,
      end: Math.max(0, sizeBytes - 1),
      signal,
    })) {
      const bytes = piece as Uint8Array;
      hash.update(bytes);
      length += bytes.length;
      yield bytes;
    }
    if (length !== sizeBytes || `${digest?.split(":")[0]}:${hash.digest("hex")}` !== digest)
      throw dataLoss(`blob ${digest} is damaged on this node: mend it with crib check --repair, and export again`);
  }
  const padding = (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
  if (padding > 0) yield new Uint8Array(padding);
}
