import { internal } from "../../errors/crib-error.ts";
import type { Digest, ImageId } from "../../ids/digest.ts";
import { writeTar } from "../../layers/tar/tar-writer.ts";
import { sha256 } from "../content/sha256.ts";
import { parseImageConfig } from "../pull/image-config.ts";
import { parseManifest } from "../pull/manifest.ts";
import type { ResolvedImage } from "../pull/resolve-image.ts";
import type { Platform } from "../registry/platform.ts";
import type { BlobSource } from "../registry/repository.ts";

/** Images of this domain come from crib itself; no host of that name is ever asked. */
export const builtinDomain = "crib.local";
export const builtinName = `${builtinDomain}/hello`;

const manifestType = "application/vnd.oci.image.manifest.v1+json";

export interface BuiltinImage {
  readonly image: ResolvedImage;
  readonly layer: { readonly digest: Digest; readonly bytes: Uint8Array };
}

/** The image `crib.local/hello` around a static program. The same program gives the same digests on every machine. */
export function makeBuiltinImage(helloElf: Uint8Array, host: Platform): BuiltinImage {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const layer = writeTar([
    { type: "5", name: "./" },
    ...["dev", "etc", "proc", "root", "sys", "tmp"].map((name) => ({
      type: "5",
      name: `${name}/`,
      mode: modes.get(name) ?? 0o755,
    })),
    { name: "etc/passwd", content: text("root:x:0:0:root:/root:/hello\nnobody:x:65534:65534:nobody:/:/hello\n") },
    { name: "etc/group", content: text("root:x:0:\nnobody:x:65534:\n") },
    { name: "hello", mode: 0o755, content: helloElf },
  ]);
  const layerDigest = sha256(layer);
  const configBytes = json({
    created: "1970-01-01T00:00:00Z",
    architecture: host.architecture,
    os: host.os,
    config: {
      Env: ["PATH=/"],
      Entrypoint: ["/hello"],
      WorkingDir: "/",
      Labels: {
        "org.opencontainers.image.title": "hello",
        "org.opencontainers.image.description": "Shows who and where it is: the image crib carries inside itself.",
      },
    },
    rootfs: { type: "layers", diff_ids: [layerDigest] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "crib" }],
  });
  const manifestBytes = json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: sha256(configBytes),
      size: configBytes.length,
    },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: layerDigest, size: layer.length }],
  });
  const manifest = parseManifest(manifestBytes, manifestType, "manifest of the built-in image");
  if (manifest.kind !== "manifest") throw new TypeError("the built-in image's manifest is a manifest");
  const targetDigest = sha256(manifestBytes);
  return {
    layer: { digest: layerDigest, bytes: layer },
    image: {
      id: sha256(configBytes) as ImageId,
      targetDigest,
      documents: [{ digest: targetDigest, mediaType: manifestType, bytes: manifestBytes }],
      manifest,
      configBytes,
      parsed: parseImageConfig(configBytes, "config of the built-in image"),
    },
  };
}

const modes: ReadonlyMap<string, number> = new Map([
  ["root", 0o700],
  ["tmp", 0o1777],
]);

function json(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

/** Built-in blobs are in the store before anybody asks for them. */
export const builtinSource: BlobSource = {
  registry: builtinDomain,
  blob: ({ digest }) => Promise.reject(internal(`built-in blob ${digest} vanished from the store`)),
  blobInto: (_file, { digest }) => Promise.reject(internal(`built-in blob ${digest} vanished from the store`)),
  failed: () => undefined,
  wrong: () => undefined,
};
