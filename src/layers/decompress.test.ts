import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Compression, decompress, sniffCompression } from "./decompress.ts";

/** Text-like: compresses, but not away. Longer than the decoder's buffers. */
const plain = Buffer.from(
  Array.from({ length: 1_400_000 }, (_, at) => ((at * 2654435761) >>> ((at % 7) + 11)) & (at % 3 === 0 ? 0xff : 0x0f)),
);
const halves = [plain.subarray(0, 600_001), plain.subarray(600_001)] as const;
const never = new AbortController().signal;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  // As a blob's tail does: the same memory again for each.
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const count = Math.min(size, bytes.length - at);
    buffer.set(bytes.subarray(at, at + count));
    yield buffer.subarray(0, count);
  }
}

async function all(compressed: Uint8Array, size = 65_536, signal = never): Promise<Buffer> {
  const parts: Buffer[] = [];
  const compression = sniffCompression(compressed) as Exclude<Compression, "none">;
  await decompress(compression, pieces(compressed, size), (piece) => parts.push(Buffer.from(piece)), signal);
  return Buffer.concat(parts);
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => "no failure",
    (error: unknown) => error,
  );
}

const skippable = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

describe("decompress", () => {
  test.each([
    { what: "a gzip member", compressed: gzipSync(plain) },
    { what: "gzip members in a row", compressed: Buffer.concat(halves.map((half) => gzipSync(half))) },
    { what: "a gzip member of nothing before another", compressed: Buffer.concat([gzipSync(""), gzipSync(plain)]) },
    { what: "zeros behind the last member", compressed: Buffer.concat([gzipSync(plain), Buffer.alloc(100_000)]) },
    { what: "a zstd frame", compressed: zstdCompressSync(plain) },
    { what: "zstd frames in a row", compressed: Buffer.concat(halves.map((half) => zstdCompressSync(half))) },
    { what: "a skippable frame first", compressed: Buffer.concat([skippable, zstdCompressSync(plain)]) },
  ])("gives back $what, however it is cut", async ({ compressed }) => {
    for (const size of [997, 65_536, 131_072, compressed.length]) {
      expect(Bun.hash(await all(compressed, size))).toBe(Bun.hash(plain));
    }
  });

  test("an output that fills the buffer to the last byte is whole", async () => {
    for (const length of [524_288, 1_048_576]) {
      for (const pack of [gzipSync, zstdCompressSync])
        expect((await all(pack(plain.subarray(0, length)))).length).toBe(length);
    }
  });

  test.each([
    { what: "gzip cut short", compressed: gzipSync(plain).subarray(0, -9), code: "Z_BUF_ERROR" },
    { what: "gzip with a wrong sum", compressed: damaged(gzipSync(plain), -6), code: "Z_DATA_ERROR" },
    { what: "gzip with a changed byte", compressed: damaged(gzipSync(plain), 20_000), code: "Z_DATA_ERROR" },
    {
      what: "a second member that is none",
      compressed: Buffer.concat([gzipSync(plain), Buffer.from("rubbish")]),
      code: "Z_DATA_ERROR",
    },
    {
      what: "zstd with a wrong block",
      compressed: damaged(zstdCompressSync(plain), 30),
      code: expect.stringMatching(/^ZSTD_/),
    },
  ])("refuses $what", async ({ compressed, code }) => {
    const error = await failure(all(compressed));
    expect(error).toMatchObject({ code });
  });

  test("ends with what consume throws, once its thread is done", async () => {
    let calls = 0;
    const consume = (): void => {
      calls += 1;
      throw new Error("no room");
    };
    expect(await failure(decompress("gzip", pieces(gzipSync(plain), 4096), consume, never))).toMatchObject({
      message: "no room",
    });
    expect(calls).toBe(1);
  });

  test("stops in the middle of a bomb when it is aborted", async () => {
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
    const abort = new AbortController();
    let seen = 0;
    const consume = (piece: Uint8Array): void => {
      seen += piece.length;
      abort.abort(new Error("enough"));
    };
    expect(await failure(decompress("gzip", pieces(bomb, bomb.length), consume, abort.signal))).toMatchObject({
      message: "enough",
    });
    expect(seen).toBeLessThan(4 * 1024 * 1024);
  });
});

function damaged(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const place = at < 0 ? copy.length + at : at;
  copy[place] = (copy[place] ?? 0) ^ 0x55;
  return copy;
}
