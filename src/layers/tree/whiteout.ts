import { refusedLayer } from "../layer-error.ts";

export type Whiteout =
  | { readonly kind: "none" }
  /** Hides `name` of the layers below. */
  | { readonly kind: "file"; readonly name: string }
  /** Hides everything the layers below have in the directory. */
  | { readonly kind: "opaque" }
  /** Bookkeeping of the aufs driver; never content. */
  | { readonly kind: "aufs-metadata" };

const prefix = ".wh.";
const metadataPrefix = ".wh..wh.";

/**
 * Reads a base name as a whiteout (OCI image-spec, layer.md "Whiteouts").
 * @throws {CribError} failed-precondition for a whiteout of "", "." or ".." (CVE-2014-9357's family).
 */
export function parseWhiteout(base: string): Whiteout {
  if (!base.startsWith(prefix)) return { kind: "none" };
  if (base === ".wh..wh..opq") return { kind: "opaque" };
  if (base.startsWith(metadataPrefix)) return { kind: "aufs-metadata" };
  const name = base.slice(prefix.length);
  if (name === "" || name === "." || name === "..")
    throw refusedLayer(`whiteout ${JSON.stringify(base)} names no file`);
  return { kind: "file", name };
}
