import { CribError, failedPrecondition } from "../../errors/crib-error.ts";
import { type Digest, isDigest } from "../../ids/digest.ts";
import { digestedDocument } from "../../json/foreign-json.ts";
import { type ForeignObject, parseForeignObject } from "../../json/foreign-object.ts";
import type { Platform } from "../registry/platform.ts";
import { isImageConfig, isLayer, isSchema1, type ManifestKind, manifestKindOf } from "./media-types.ts";

/** Larger manifests are refused before they are read (CVE-2023-25153). */
export const maxManifestBytes = digestedDocument.maxBytes;
/** As overlay allows in one mount with short names, and four times what builders allow. */
const maxLayers = 500;
/** Of all indexes of one pull together, those that name a digest again included (CVE-2026-53493). */
export const maxIndexEntries = 10_000;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface ImageManifest {
  readonly kind: "manifest";
  readonly config: Descriptor;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex {
  readonly kind: "index";
  readonly manifests: readonly { readonly descriptor: Descriptor; readonly platform: Platform | undefined }[];
}

/**
 * Reads an OCI or Docker manifest or index.
 *
 * @param mediaType what the registry or the parent's descriptor called it; the document must be of that kind and of one kind
 * only, so that one digest never means two things (CVE-2021-41190).
 * @throws {CribError} data-loss when malformed or ambiguous, failed-precondition for formats crib does not run.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string, what: string): ImageManifest | ImageIndex {
  if (isSchema1(mediaType)) throw schema1Refused(what);
  const fields = parseForeignObject(bytes, what, digestedDocument);
  const version = fields.wholeNumber("schemaVersion");
  if (version === 1) throw schema1Refused(what);
  if (version !== 2) throw new CribError("data-loss", `${what} has schemaVersion ${version ?? "missing"}, not 2`);
  if (fields.has("fsLayers")) throw new CribError("data-loss", `${what} mixes schema 1 and schema 2`);
  const kind = agreedKind(fields, mediaType, what);
  return kind === "manifest" ? parseImageManifest(fields, what) : parseIndex(fields, what);
}

function agreedKind(fields: ForeignObject, mediaType: string, what: string): ManifestKind {
  const stated = fields.text("mediaType");
  if (isSchema1(stated)) throw schema1Refused(what);
  const outer = manifestKindOf(mediaType);
  const inner = manifestKindOf(stated);
  if (outer !== undefined && inner !== undefined && inner !== outer) {
    throw new CribError(
      "data-loss",
      `${what} calls itself ${JSON.stringify(stated.slice(0, 120))} and came as ${mediaType}`,
    );
  }
  const hasLayers = fields.has("layers") || fields.has("config");
  // Documents without a type of their own, from servers that say no more than "JSON": what they hold decides.
  const kind = outer ?? inner ?? (stated === "" ? (hasLayers ? "manifest" : "index") : undefined);
  if (kind === undefined) {
    const shown = (mediaType || stated || "none").slice(0, 120);
    throw failedPrecondition(`${what} has media type ${JSON.stringify(shown)}: not a container image`);
  }
  if (hasLayers === fields.has("manifests") || hasLayers !== (kind === "manifest")) {
    throw new CribError("data-loss", `${what} is not clearly a manifest or an index`);
  }
  return kind;
}

function parseImageManifest(fields: ForeignObject, what: string): ImageManifest {
  const configFields = fields.object("config");
  if (configFields === undefined) throw new CribError("data-loss", `${what} has no config`);
  const config = parseDescriptor(configFields, what);
  if (!isImageConfig(config.mediaType)) {
    throw failedPrecondition(
      `${what} is an artifact of type ${JSON.stringify(config.mediaType.slice(0, 120))}, not a container image`,
    );
  }
  const layers = fields.objects("layers").map((layer) => parseDescriptor(layer, what));
  if (layers.length === 0) throw failedPrecondition(`${what} has no layers: there is nothing to run`);
  if (layers.length > maxLayers) throw failedPrecondition(`${what} has ${layers.length} layers, over ${maxLayers}`);
  for (const layer of layers) {
    if (!isLayer(layer.mediaType)) {
      throw failedPrecondition(
        `${what} has a layer of type ${JSON.stringify(layer.mediaType.slice(0, 120))}, which crib does not unpack`,
      );
    }
  }
  return Object.freeze({ kind: "manifest", config, layers: Object.freeze(layers) });
}

function parseIndex(fields: ForeignObject, what: string): ImageIndex {
  const entries = fields.objects("manifests");
  if (entries.length > maxIndexEntries)
    throw failedPrecondition(`${what} lists ${entries.length} manifests, over ${maxIndexEntries}`);
  const manifests = entries.map((entry) => {
    const platform = entry.object("platform");
    return {
      descriptor: parseDescriptor(entry, what),
      platform:
        platform === undefined
          ? undefined
          : { os: platform.text("os"), architecture: platform.text("architecture"), variant: platform.text("variant") },
    };
  });
  return Object.freeze({ kind: "index", manifests: Object.freeze(manifests) });
}

/** @param what the document it stands in. @throws {CribError} data-loss. */
export function parseDescriptor(fields: ForeignObject, what: string): Descriptor {
  const digest = fields.text("digest");
  if (!isDigest(digest))
    throw new CribError("data-loss", `${what} names the malformed digest ${JSON.stringify(digest.slice(0, 160))}`);
  const sizeBytes = fields.wholeNumber("size");
  if (sizeBytes === undefined) throw new CribError("data-loss", `${what} gives no size for ${digest}`);
  return Object.freeze({ mediaType: fields.text("mediaType"), digest, sizeBytes });
}

function schema1Refused(what: string): CribError {
  return failedPrecondition(
    `${what} is in Docker's schema 1, which crib does not run: push the image again with a current tool`,
  );
}
