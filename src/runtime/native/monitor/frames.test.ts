import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeFrame, FrameKind, FrameSplitter, maxPayloadBytes } from "./frames.ts";

describe("encodeFrame", () => {
  test("writes length, kind, zero, request", () => {
    expect(Buffer.from(encodeFrame(0x8001, 7, Uint8Array.of(1, 2))).toString("hex")).toBe(
      "020000000180000007000000" + "0102",
    );
  });

  test("refuses what the monitor would close the connection for", () => {
    expect(() => encodeFrame(1, 1, new Uint8Array(maxPayloadBytes + 1))).toThrow("over the limit");
  });
});

describe("FrameSplitter", () => {
  const stream = Buffer.concat([
    encodeFrame(1, 1, new Uint8Array(0)),
    encodeFrame(2, 2, Uint8Array.of(9)),
    encodeFrame(3, 0, new Uint8Array(1000).fill(5)),
  ]);

  test("gives the same frames however the stream is cut", () => {
    for (const size of [1, 2, 5, 11, 12, 13, 100, stream.length]) {
      const splitter = new FrameSplitter();
      const frames = [];
      for (let at = 0; at < stream.length; at += size) frames.push(...splitter.push(stream.subarray(at, at + size)));
      expect(frames.map(({ kind, request, payload }) => [kind, request, payload.length])).toEqual([
        [1, 1, 0],
        [2, 2, 1],
        [3, 0, 1000],
      ]);
      expect(frames[2]?.payload).toEqual(new Uint8Array(1000).fill(5));
    }
  });

  test("gives payloads of answers that outlive the chunk", () => {
    const chunk = encodeFrame(1, 1, Uint8Array.of(42)).slice();
    const [frame] = new FrameSplitter().push(chunk);
    chunk.fill(0);
    expect(frame?.payload).toEqual(Uint8Array.of(42));
  });

  test("refuses headers that no monitor writes", () => {
    expect(() => new FrameSplitter().push(new Uint8Array(12).fill(0xff))).toThrow("malformed");
    expect(() => new FrameSplitter().push(Uint8Array.of(0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0))).toThrow("malformed");
  });
});

describe("FrameKind", () => {
  test("are the numbers of ffi/wire/protocol.h", () => {
    const header = readFileSync(join(import.meta.dir, "../../../../ffi/wire/protocol.h"), "utf8");
    const numbers = [...header.matchAll(/^\s*FRAME_([A-Z_]+) = (0x[0-9a-f]+|\d+),/gm)].map(([, name = "", number]) => [
      name.toLowerCase().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      Number(number),
    ]);
    expect(Object.fromEntries(numbers)).toEqual(FrameKind);
  });
});
