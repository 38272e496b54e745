import type { Transform } from "node:stream";
import { PassThrough } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { maxZstdWindowLog } from "./layer-limits.ts";

export type Compression = "none" | "gzip" | "zstd";

/** 64 KiB pieces inflate a quarter slower; 1 MiB ones no faster, for more memory with every layer in flight. */
const pieceBytes = 512 * 1024;

/**
 * Tells the compression by the first bytes, whatever the media type says, as other engines do: Docker's gzip
 * type is found on zstd layers.
 */
export function sniffCompression(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  if (start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd) return "zstd";
  // A skippable frame (RFC 8878 §3.1.2), which zstd:chunked and estargz-like layers may begin with.
  if (((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18) return "zstd";
  return "none";
}

/** Concatenated gzip members and zstd frames decode as one; a zstd window over 128 MiB is an error. */
export function createDecompressor(compression: Compression): Transform {
  switch (compression) {
    case "none":
      return new PassThrough({ highWaterMark: pieceBytes });
    case "gzip":
      return createGunzip({ chunkSize: pieceBytes });
    case "zstd":
      return createZstdDecompress({
        chunkSize: pieceBytes,
        params: { [constants.ZSTD_d_windowLogMax]: maxZstdWindowLog },
      });
  }
}
