import { createHash } from "node:crypto";
import { CribError } from "../errors/crib-error.ts";
import { Errno } from "../errors/errno.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../kernel/open-flags.ts";
import type { Kernel } from "../kernel/port.ts";
import type { UnpackResult } from "./apply-messages.ts";
import type { BlobTail } from "./blob-tail.ts";
import { decompress, isEmptyZstdFrame, sniffCompression } from "./decompress.ts";
import { damagedLayer, refusedLayer } from "./layer-error.ts";
import type { LayerLimits } from "./layer-limits.ts";
import { TarReader } from "./tar/tar-reader.ts";
import { LayerRoot } from "./tree/layer-root.ts";
import { LayerWriter } from "./tree/layer-writer.ts";
import { type RewrittenDirectories, rewriteBelow } from "./tree/path-rewrite.ts";

const freeSpaceCheckBytes = 64 * 1024 * 1024;

/**
 * Unpacks one layer blob into `directory`, which it makes: decompresses, hashes the archive and writes its members in
 * one pass over the bytes. Nothing is synced here; the caller does it once for all. On failure the directory is left
 * behind for the caller to remove.
 *
 * @throws {CribError} data-loss for damaged archives, failed-precondition for refused ones, resource-exhausted when
 * the disk is full.
 */
export async function unpackLayer(
  kernel: Kernel,
  tail: BlobTail,
  directory: string,
  rewritten: RewrittenDirectories,
  limits: LayerLimits,
  signal: AbortSignal,
): Promise<UnpackResult> {
  kernel.mkdirat(AT_FDCWD, directory, 0o755);
  using root = new LayerRoot(
    kernel,
    kernel.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
    limits.maxDirectoryNameBytes,
  );
  kernel.fchmod(root.fd, 0o755);
  const writer = new LayerWriter(kernel, root, limits, rewriteBelow(rewritten));
  const reader = new TarReader(writer, limits.maxEntries);
  const hash = createHash("sha256");
  let archiveBytes = 0;
  let spaceCheckedAt = -freeSpaceCheckBytes;

  const consume = (piece: Uint8Array): void => {
    archiveBytes += piece.length;
    checkGrowth(archiveBytes, tail.readBytes, limits);
    if (archiveBytes - spaceCheckedAt >= freeSpaceCheckBytes) {
      spaceCheckedAt = archiveBytes;
      const free = kernel.statfs(directory).availableBytes;
      if (free < limits.minFreeBytes) throw diskFull(`only ${free} bytes are free on the filesystem of ${directory}`);
    }
    hash.update(piece);
    reader.push(piece);
  };

  try {
    const mayBeEmpty = await decompressInto(tail.pieces(signal), consume, signal);
    // An archive of no bytes is an empty layer: some builders write one for a step that changed nothing.
    if (archiveBytes === 0 && !mayBeEmpty) throw damagedLayer("it holds nothing");
    reader.finish();
    const size = writer.finish();
    return {
      diffId: `sha256:${hash.digest("hex")}`,
      archiveBytes,
      members: reader.headers,
      ...size,
      implicit: [...root.implicit],
    };
  } catch (error) {
    throw explain(error);
  } finally {
    writer.abandon();
  }
}

/** @returns whether nothing may be what comes out: gzip tells a stream that was cut short, zstd does not. */
async function decompressInto(
  pieces: AsyncGenerator<Uint8Array>,
  consume: (piece: Uint8Array) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const first = await pieces.next();
  if (first.done === true) throw damagedLayer("it is empty");
  const start = first.value.slice();
  const compression = sniffCompression(start);
  async function* all(): AsyncGenerator<Uint8Array> {
    yield start;
    yield* pieces;
  }
  if (compression === "none") {
    for await (const piece of all()) consume(piece);
    return false;
  }
  await decompress(compression, all(), consume, signal);
  return compression === "gzip" || isEmptyZstdFrame(start);
}

function checkGrowth(archiveBytes: number, blobBytes: number, limits: LayerLimits): void {
  if (archiveBytes > limits.maxArchiveBytes)
    throw refusedLayer(`it unpacks to more than ${limits.maxArchiveBytes} bytes`);
  if (archiveBytes > limits.ratioFreeBytes && archiveBytes > blobBytes * limits.maxRatio) {
    throw refusedLayer(`it unpacks to more than ${limits.maxRatio} times its size`);
  }
}

function diskFull(message: string, cause?: unknown): CribError {
  return new CribError("resource-exhausted", `no room to unpack a layer: ${message}`, { cause });
}

const refusedErrnos: ReadonlySet<number> = new Set([
  Errno.ENAMETOOLONG,
  Errno.ELOOP,
  Errno.ENOTDIR,
  Errno.EINVAL,
  Errno.EEXIST,
  Errno.ENOENT,
  Errno.EISDIR,
]);

/** Turns what decoders and system calls throw into what happened to the layer. */
function explain(error: unknown): unknown {
  if (error instanceof ErrnoError) {
    if (error.errno === Errno.ENOSPC || error.errno === Errno.EDQUOT) return diskFull(error.message, error);
    if (refusedErrnos.has(error.errno)) return refusedLayer(error.message);
    return error;
  }
  if (error instanceof CribError) return error;
  if (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB|ERR_BUFFER_TOO_LARGE)/.test(error.code)
  ) {
    return damagedLayer(`it does not decompress: ${error.message}`, error);
  }
  return error;
}
