import { describe, expect, test } from "bun:test";
import { constants, deflateSync } from "node:zlib";
import { HeaderStream } from "../../../tests/fixtures/spdy-peer.ts";
import { HeaderDeflater } from "./header-deflater.ts";
import { HEADER_DICTIONARY_ID, headerDictionary } from "./header-dictionary.ts";
import { HeaderInflater } from "./header-inflater.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}

function deflate(plain: Uint8Array | string, options: Parameters<typeof deflateSync>[1] = {}): Uint8Array {
  const dictionary = headerDictionary();
  return deflateSync(Buffer.from(plain), { dictionary, finishFlush: constants.Z_SYNC_FLUSH, ...options });
}

test("the dictionary is the one of the draft", () => {
  expect(headerDictionary().length).toBe(1423);
  expect(adler32(headerDictionary())).toBe(HEADER_DICTIONARY_ID);
});

describe("what zlib compresses is read back", () => {
  const noise = Uint8Array.from({ length: 20_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 255);
  const texts: readonly [name: string, plain: Uint8Array | string][] = [
    ["nothing", ""],
    ["a byte", "x"],
    ["words of the dictionary", "content-encoding gzip,deflate,sdch"],
    ["a run, which refers to itself", "a".repeat(5000)],
    ["long matches far apart", `${text(noise)}${text(noise)}`],
    ["what does not compress", noise],
  ];
  const strategies = [
    ["dynamic codes", {}],
    ["fixed codes", { strategy: constants.Z_FIXED }],
    ["no matches", { strategy: constants.Z_HUFFMAN_ONLY }],
    ["stored", { level: 0 }],
    ["a small window", { windowBits: 9 }],
  ] as const;
  for (const [name, plain] of texts)
    for (const [strategy, options] of strategies)
      test(`${name}, ${strategy}`, () => {
        expect(text(new HeaderInflater(64 * 1024).inflate(deflate(plain, options)))).toBe(text(Buffer.from(plain)));
      });
});

test("blocks continue one stream, longer than the window", () => {
  const headers = new HeaderStream();
  const inflater = new HeaderInflater(4096);
  for (let i = 0; i < 50; i++) {
    const plain = `${i} `.repeat(1000 + i * 5).slice(0, 4096);
    expect(text(inflater.inflate(headers.compress(Buffer.from(plain))))).toBe(plain);
  }
});

describe("what is not a header stream is refused", () => {
  const good = deflate("content-type: text/plain and more");
  const lying = Uint8Array.from(good);
  lying[2] = 0;
  const cases: readonly [name: string, bytes: Uint8Array, message: RegExp][] = [
    ["nothing", new Uint8Array(0), /not a zlib stream/],
    ["no zlib", Uint8Array.of(1, 2, 3, 4, 5, 6), /not a zlib stream/],
    ["no dictionary", deflateSync("x", { finishFlush: constants.Z_SYNC_FLUSH }), /dictionary/],
    ["another dictionary", lying, /dictionary/],
    ["cut short", good.subarray(0, -6), /end within a block/],
    ["a stream that ends", deflate("x", { finishFlush: constants.Z_FINISH }), /the stream ends/],
    ["a block of kind 3", Uint8Array.of(...good.subarray(0, 6), 0b110), /unknown kind/],
    ["a stored length that is not confirmed", Uint8Array.of(...good.subarray(0, 6), 0, 1, 0, 0, 0), /doubtful/],
    ["before the beginning", Uint8Array.of(...good.subarray(0, 6), 0x02, 0x7f, 0x00), /./],
    ["too much", deflate("a".repeat(1025)), /longer than 1024 bytes/],
    ["too much, stored", deflate("a".repeat(1025), { level: 0 }), /longer than 1024 bytes/],
  ];
  test.each(cases)("%s", (_, bytes, message) => {
    expect(() => new HeaderInflater(1024).inflate(bytes)).toThrow(message);
  });
});

test("a zip bomb costs no more than what is allowed", () => {
  const bomb = deflate(new Uint8Array(16 * 1024 * 1024));
  expect(bomb.length).toBeLessThan(17_000);
  const before = performance.now();
  expect(() => new HeaderInflater(32 * 1024).inflate(bomb)).toThrow(/longer than 32768 bytes/);
  expect(performance.now() - before).toBeLessThan(100);
});

test("our own stream is one that its reader follows block by block", () => {
  const deflater = new HeaderDeflater();
  const first = deflater.deflate(Buffer.from("hello"));
  expect(Buffer.from(first).toString("hex")).toBe("78010005 00faff 68656c6c6f 000000ffff".replaceAll(" ", ""));
  expect(Buffer.from(deflater.deflate(new Uint8Array(4))).toString("hex")).toBe("000400fbff00000000000000ffff");
  expect(() => deflater.deflate(new Uint8Array(65_536))).toThrow(/do not fit/);
});
