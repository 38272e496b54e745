import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuiltImage, type BuiltLayer, buildImage, sha256 } from "../../fixtures/image-builder.ts";
import { buildContents, type LayerShape } from "./contents.ts";

/** Named in cached files: another one whenever `buildContents` writes other bytes. */
const edition = 1;
const cacheDirectory = join(import.meta.dir, "../../../build/bench-layers");

export interface PullImage {
  readonly name: string;
  readonly what: string;
  readonly layers: number;
  readonly shape: LayerShape;
  readonly compression: "gzip" | "zstd";
}

/** The images that pulls are judged by. */
export const pullImages: readonly PullImage[] = [
  image("one-large", "one layer of 300 MB", 1, { files: 1_200, meanBytes: 250_000 }),
  image("four-large", "four layers, 344 MB", 4, { files: 344, meanBytes: 250_000 }),
  image("twenty", "twenty layers of 30 MB", 20, { files: 300, meanBytes: 100_000 }),
  image("small-files", "12,000 small files", 1, { files: 12_000, meanBytes: 4_000 }),
  { ...image("one-zstd", "one layer of 300 MB, zstd", 1, { files: 1_200, meanBytes: 250_000 }), compression: "zstd" },
];

/** Every path of the bench, in seconds. */
export const smokeImages: readonly PullImage[] = [
  image("smoke", "two layers, 4 MB", 2, { files: 40, meanBytes: 50_000 }),
];

function image(name: string, what: string, layers: number, shape: LayerShape): PullImage {
  return { name, what, layers, shape, compression: "gzip" };
}

/** Layers are kept in `build`: compressing them takes longer than pulling them. */
export function buildPullImage(image: PullImage, program: Uint8Array): BuiltImage {
  const layers = Array.from({ length: image.layers }, (_, index) => cachedLayer(image, index, program));
  return buildImage(layers, { Cmd: ["/bin/pause"] });
}

function cachedLayer(image: PullImage, index: number, program: Uint8Array): BuiltLayer {
  const key = sha256(new TextEncoder().encode(JSON.stringify([edition, image, index, sha256(program)]))).slice(7, 31);
  const path = join(cacheDirectory, key);
  const zstd = image.compression === "zstd" ? { mediaType: "application/vnd.oci.image.layer.v1.tar+zstd" } : {};
  if (existsSync(`${path}.diff`)) {
    const bytes = readFileSync(path);
    return { diffId: readFileSync(`${path}.diff`, "utf8"), blob: { digest: sha256(bytes), bytes }, ...zstd };
  }
  // No two images share a layer: a pull that finds one there is not cold.
  const archive = buildContents(image.shape, Number.parseInt(key.slice(0, 7), 16), program);
  const bytes = image.compression === "zstd" ? Bun.zstdCompressSync(archive, { level: 3 }) : gzip(archive);
  const diffId = sha256(archive);
  mkdirSync(cacheDirectory, { recursive: true });
  writeFileSync(path, bytes);
  writeFileSync(`${path}.new`, diffId);
  renameSync(`${path}.new`, `${path}.diff`);
  return { diffId, blob: { digest: sha256(bytes), bytes }, ...zstd };
}

function gzip(archive: Uint8Array): Uint8Array {
  return Bun.gzipSync(new Uint8Array(archive), { level: 6, library: "libdeflate" });
}
