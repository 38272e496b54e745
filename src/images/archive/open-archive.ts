import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { CribError, dataLoss, failedPrecondition } from "../../errors/crib-error.ts";
import { sniffCompression } from "../../layers/decompress.ts";
import { maxZstdWindowLog } from "../../layers/layer-limits.ts";

const sniffedBytes = 6;

/** A tar archive's bytes, unpacked if it is compressed. No more is read from `pieces` than the reader takes. */
export async function* openArchive(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const source = pieces[Symbol.asyncIterator]();
  let start = new Uint8Array(0);
  while (start.length < sniffedBytes) {
    const { value, done } = await source.next();
    if (done === true) break;
    start = Buffer.concat([start, value]);
  }
  if (start.length === 0) throw failedPrecondition("the archive is empty");
  const whole = rest(start, source);
  const compression = sniffCompression(start);
  const foreign = foreignCompression(start);
  if (foreign !== undefined)
    throw failedPrecondition(
      `the archive is compressed with ${foreign}: unpack it first, for example with ${foreign} -dc`,
    );
  if (compression === "none") {
    yield* whole;
    return;
  }
  const unpacker =
    compression === "gzip"
      ? createGunzip()
      : createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: maxZstdWindowLog } });
  const unpacked = new PassThrough();
  const flow = pipeline(Readable.from(whole), unpacker, unpacked, { signal });
  // Its failure is that of the reader below.
  flow.catch(() => undefined);
  try {
    for await (const piece of unpacked) yield piece as Uint8Array;
    await flow;
  } catch (error) {
    signal.throwIfAborted();
    if (CribError.is(error) || !isZlibError(error)) throw error;
    throw dataLoss(`the archive's ${compression} is damaged: ${error.message}`, error);
  } finally {
    unpacked.destroy();
  }
}

async function* rest(start: Uint8Array, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield start;
    for (;;) {
      const { value, done } = await source.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await source.return?.();
  }
}

function foreignCompression(start: Uint8Array): string | undefined {
  const text = Buffer.from(start).toString("latin1");
  if (text.startsWith("\xfd7zXZ\0")) return "xz";
  if (text.startsWith("BZh")) return "bzip2";
  return undefined;
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(?:Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(String(error.code));
}
