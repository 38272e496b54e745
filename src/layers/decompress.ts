import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { internal } from "../errors/crib-error.ts";
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

/**
 * Whether a blob is a zstd frame of nothing, whole: a frame that was cut short ends without an error as well, and without bytes.
 * (RFC 8878 §3.1.1: magic, descriptor, window, content size, then one last raw block of no bytes.)
 */
export function isEmptyZstdFrame(blob: Uint8Array): boolean {
  if (sniffCompression(blob) !== "zstd" || blob.length > 32) return false;
  const descriptor = blob[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const block = 5 + (single ? 0 : 1) + contentSizeBytes;
  const checksumBytes = (descriptor & 0x04) === 0 ? 0 : 4;
  return (
    blob.length === block + 3 + checksumBytes && Buffer.from(blob.subarray(block, block + 3)).equals(lastEmptyBlock)
  );
}

const lastEmptyBlock = Buffer.from([1, 0, 0]);

/**
 * Decompresses `pieces`, each of which is done with when the next is asked for, and hands out what they hold in views that are
 * good until `consume` returns. Concatenated gzip members and zstd frames decode as one; a zstd window over 128 MiB is an error.
 *
 * There are two buffers: a thread of Bun's pool fills one while `consume` has the other. A stream of `node:zlib` makes a buffer for
 * every piece instead, which cost a quarter of the speed and was most of the memory of a pull (docs/decisions/0030).
 *
 * @throws {Error} with zlib's or zstd's own `code` for damaged input, and whatever `pieces` and `consume` throw.
 */
export async function decompress(
  compression: Exclude<Compression, "none">,
  pieces: AsyncIterable<Uint8Array>,
  consume: (piece: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  using decoder = new Decoder(compression);
  let filling = new Uint8Array(pieceBytes);
  let spare = new Uint8Array(pieceBytes);
  let ready = spare.subarray(0, 0);

  /** One step of the decoder, with the output of the one before consumed meanwhile. */
  const step = async (input: Uint8Array, flush: "more" | "end"): Promise<Step> => {
    signal.throwIfAborted();
    const decoding = decoder.decode(input, filling, flush);
    try {
      if (ready.length > 0) consume(ready);
    } catch (error) {
      // Its thread still writes into our buffer.
      await decoding.catch(() => undefined);
      throw error;
    }
    const done = await decoding;
    ready = filling.subarray(0, done.written);
    [filling, spare] = [spare, filling];
    return done;
  };

  for await (const piece of pieces) {
    for (let at = 0; ; ) {
      const { read, written } = await step(piece.subarray(at), "more");
      at += read;
      if (at < piece.length && read === 0 && written === 0) {
        // Zeros behind the last gzip member, which tapes and old tools leave there.
        if (ready.length > 0) consume(ready);
        return;
      }
      if (at === piece.length && written < pieceBytes) break;
    }
  }
  while ((await step(new Uint8Array(0), "end")).written === pieceBytes);
  if (ready.length > 0) consume(ready);
}

interface Step {
  readonly read: number;
  readonly written: number;
}

/** What drives the streams of `node:zlib`: the same in Bun 1.4.5 as in Node (lib/zlib.js), documented in neither. */
interface NativeHandle {
  init(...settings: readonly unknown[]): void;
  write(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputBytes: number,
    output: Uint8Array,
    outputAt: number,
    outputBytes: number,
  ): void;
  close(): void;
  onerror: (message: string, errno: number, code: string) => void;
}

type NativeHandleClass = new (mode: number) => NativeHandle;

/** Of Node's enumeration of what a handle does (node_zlib.cc, `node_zlib_mode`). */
const decompressZstd = 11;
const largestWindowBits = 15;
/** The gunzip side looks at none of them. */
const compressorSettings = [0, 8, constants.Z_DEFAULT_STRATEGY] as const;

class Decoder implements Disposable {
  readonly #handle: NativeHandle;
  readonly #flushes: Readonly<Record<"more" | "end", number>>;
  /** What was left after a write: room in the output, bytes of the input. */
  readonly #left = new Uint32Array(2);
  #settle: (failure: Error | undefined) => void = () => undefined;

  constructor(compression: Exclude<Compression, "none">) {
    const written = (): void => this.#settle(undefined);
    if (compression === "gzip") {
      this.#handle = new (handleClassOf(createGunzip()))(constants.GUNZIP);
      this.#handle.init(largestWindowBits, ...compressorSettings, this.#left, written, undefined);
      this.#flushes = { more: constants.Z_NO_FLUSH, end: constants.Z_FINISH };
    } else {
      this.#handle = new (handleClassOf(createZstdDecompress()))(decompressZstd);
      // −1 as an unsigned number leaves a parameter at its default.
      const parameters = new Uint32Array(constants.ZSTD_d_windowLogMax + 1).fill(0xffff_ffff);
      parameters[constants.ZSTD_d_windowLogMax] = maxZstdWindowLog;
      this.#handle.init(parameters, undefined, this.#left, written);
      this.#flushes = { more: constants.ZSTD_e_continue, end: constants.ZSTD_e_end };
    }
    this.#handle.onerror = (message, _errno, code) => this.#settle(Object.assign(new Error(message), { code }));
  }

  /** One at a time. Neither buffer may change until it is done. */
  async decode(input: Uint8Array, output: Uint8Array, flush: "more" | "end"): Promise<Step> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#settle = (failure) => (failure === undefined ? resolve() : reject(failure));
    this.#handle.write(this.#flushes[flush], input, 0, input.length, output, 0, output.length);
    await promise;
    const [outputLeft = 0, inputLeft = 0] = this.#left;
    return { read: input.length - inputLeft, written: output.length - outputLeft };
  }

  [Symbol.dispose](): void {
    this.#handle.close();
  }
}

function handleClassOf(stream: Gunzip | ZstdDecompress): NativeHandleClass {
  const handle: unknown = Reflect.get(stream, "_handle");
  stream.close();
  if (typeof handle !== "object" || handle === null || !("write" in handle)) {
    throw internal(`Bun ${Bun.version} has no zlib handle where 1.4.5 has it: see src/layers/decompress.ts`);
  }
  return handle.constructor as NativeHandleClass;
}
