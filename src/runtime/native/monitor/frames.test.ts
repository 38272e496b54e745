import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeFrame, FrameKind, maxPayloadBytes } from "./frames.ts";

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
