import { constants, deflateSync, inflateSync } from "node:zlib";
import { CribError } from "../../../src/errors/crib-error.ts";
import { headerDictionary } from "../../../src/streaming/spdy/header-dictionary.ts";
import { HeaderInflater } from "../../../src/streaming/spdy/header-inflater.ts";
import type { FuzzTarget } from "../fuzz-target.ts";

const MAX_BYTES = 4096;

/**
 * Compressed headers, read by crib and by zlib: what crib accepts, zlib reads the same, and what zlib accepts as a flushed
 * stream crib does too. The input follows a right beginning; else one bit in two thousand would be the only way in.
 */
export function spdyHeaders(): FuzzTarget {
  const dictionary = headerDictionary();
  const flushed = { dictionary, finishFlush: constants.Z_SYNC_FLUSH };
  const beginning = deflateSync("", flushed).subarray(0, 6);
  const examples = [
    deflateSync("\0\0\0\x01\0\0\0\x0astreamtype\0\0\0\x05stdin", flushed),
    deflateSync("a".repeat(3000), { ...flushed, strategy: constants.Z_FIXED }),
    deflateSync("content-encoding status 200 OK".repeat(40), { ...flushed, level: 9 }),
    deflateSync(Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * i) & 255)), flushed),
    deflateSync("stored", { ...flushed, level: 0 }),
  ].map((bytes) => bytes.subarray(6));
  const byZlib = (bytes: Uint8Array): Uint8Array | undefined => {
    try {
      return inflateSync(bytes, flushed);
    } catch {
      return undefined;
    }
  };
  return {
    name: "spdy-headers",
    maxInputBytes: 2048,
    maxInputMs: 250,
    examples: () => examples,
    tokens: [Uint8Array.of(0, 0, 0, 0xff, 0xff), Uint8Array.of(0, 0, 0xff, 0xff)],
    run(input) {
      const bytes = Buffer.concat([beginning, input]);
      let plain: Uint8Array;
      try {
        plain = new HeaderInflater(MAX_BYTES).inflate(bytes);
      } catch (error) {
        if (!CribError.is(error)) throw error;
        const expected = byZlib(bytes);
        // zlib is content with any prefix of a stream, also one too short for it to see a mistake; crib is not.
        const excused = /longer than|within a block|the stream ends|are no code/.test(error.message);
        if (expected !== undefined && !excused) throw new Error(`zlib reads it: ${error.message}`);
        return error.message;
      }
      if (plain.length > MAX_BYTES) throw new Error(`${plain.length} bytes`);
      const expected = byZlib(bytes);
      // An incomplete code is an error to zlib even when it is never needed.
      if (expected === undefined) return "only crib reads it";
      if (Buffer.compare(expected, plain) !== 0) throw new Error("zlib reads something else");
      return `read ${Math.ceil(Math.log2(plain.length + 1))}`;
    },
  };
}
