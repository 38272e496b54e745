/** What a descriptor's media type means to crib. */
const manifestMediaTypes = {
  "application/vnd.oci.image.manifest.v1+json": "manifest",
  "application/vnd.docker.distribution.manifest.v2+json": "manifest",
  "application/vnd.oci.image.index.v1+json": "index",
  "application/vnd.docker.distribution.manifest.list.v2+json": "index",
} as const satisfies Record<string, "manifest" | "index">;

export type ManifestKind = (typeof manifestMediaTypes)[keyof typeof manifestMediaTypes];

/** Sent with every manifest request; without it registries answer with their oldest format. */
export const manifestAccept = Object.keys(manifestMediaTypes).join(", ");

const kinds: ReadonlyMap<string, ManifestKind> = new Map(Object.entries(manifestMediaTypes));

/** A media type without its parameters, in lower case: what is compared (RFC 6838 §4.2). */
function plainMediaType(mediaType: string): string {
  return (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** OCI's and Docker's names of one kind are the same to crib: registries and tools write one for the other. */
export function manifestKindOf(mediaType: string): ManifestKind | undefined {
  return kinds.get(plainMediaType(mediaType));
}

const schema1: ReadonlySet<string> = new Set([
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
]);

export function isSchema1(mediaType: string): boolean {
  return schema1.has(plainMediaType(mediaType));
}

const configs: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
  // Of images that Docker pushed in its first years.
  "application/octet-stream",
]);

/** One without a type is taken for a config: its diff ids tell. */
export function isImageConfig(mediaType: string): boolean {
  return mediaType === "" || configs.has(plainMediaType(mediaType));
}

/**
 * Tar archives, plain or compressed; the compression itself is read from the bytes. The non-distributable ones are
 * fetched from the image's own registry like any other: their `urls` would send requests wherever the image says.
 */
const layers: ReadonlySet<string> = new Set(
  [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
  ].flatMap((base) => [base, `${base}+gzip`, `${base}+zstd`, `${base}.gzip`, `${base}.zstd`]),
);

export function isLayer(mediaType: string): boolean {
  return mediaType === "" || layers.has(plainMediaType(mediaType));
}
