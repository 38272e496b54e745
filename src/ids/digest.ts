import { invalidArgument } from "../errors/crib-error.ts";
import type { Brand } from "./brand.ts";

/** `sha256:<64 hex>` or `sha512:<128 hex>` of a blob as it travels (OCI image-spec, descriptor.md). */
export type Digest = Brand<string, "Digest">;
/** Digest of an uncompressed layer archive. */
export type DiffId = Brand<Digest, "DiffId">;
/** Digest over a stack of diff ids, bottom to top (OCI image-spec, config.md "Layer ChainID"). */
export type ChainId = Brand<Digest, "ChainId">;
/** Digest of the image's config blob: the one identity an image has in every CRI message. */
export type ImageId = Brand<Digest, "ImageId">;

const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

/** @throws {CribError} invalid-argument; checked before the text meets any path or URL (CVE-2024-3727). */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw invalidArgument(`digest ${JSON.stringify(text.slice(0, 160))} is malformed`);
  return text;
}
