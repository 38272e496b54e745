import { describe, expect, test } from "bun:test";
import { WireWriter } from "../plan/wire-writer.ts";
import { FrameKind } from "../wire-numbers.ts";
import { FrameCutter } from "./frame-cutter.ts";
import { encodeFrame } from "./frames.ts";

function output(id: string, stream: 1 | 2, bytes: Uint8Array): Uint8Array {
  return encodeFrame(FrameKind.execOutput, 0, new WireWriter().string(id).u8(stream).bytes(bytes).written());
}

/** What was told, with the pieces of each output put together again. */
function recorder() {
  const told: string[] = [];
  const cutter = new FrameCutter({
    output(id, stream, bytes) {
      const head = `${id} ${stream} `;
      const text = Buffer.from(bytes).toString("hex");
      if (told.at(-1)?.startsWith(head) === true) told.push(`${told.pop()}${text}`);
      else told.push(`${head}${text}`);
    },
    frame: ({ kind, request, payload }) => told.push(`${kind} ${request} ${Buffer.from(payload).toString("hex")}`),
  });
  return { told, cutter };
}

const long = new Uint8Array(1000).fill(5);
const stream = Buffer.concat([
  encodeFrame(FrameKind.ok, 1, new Uint8Array(0)),
  output("first", 1, Uint8Array.of(1, 2)),
  encodeFrame(FrameKind.ok, 2, long),
  output("second", 2, long),
  output("third", 1, new Uint8Array(0)),
  encodeFrame(FrameKind.exit, 0, Uint8Array.of(9)),
]);
const whole = [
  `${FrameKind.ok} 1 `,
  "first stdout 0102",
  `${FrameKind.ok} 2 ${"05".repeat(1000)}`,
  `second stderr ${"05".repeat(1000)}`,
  `${FrameKind.exit} 0 09`,
];

describe("FrameCutter", () => {
  test.each([1, 2, 5, 11, 12, 13, 17, 100, stream.length])(
    "gives the same frames when %d bytes come at a time",
    (size) => {
      const { told, cutter } = recorder();
      const chunk = Buffer.alloc(size);
      for (let at = 0; at < stream.length; at += size) {
        const length = stream.copy(chunk, 0, at, at + size);
        expect(cutter.push(chunk.subarray(0, length))).toBe(length);
        // A socket may use its buffer again.
        chunk.fill(0xee);
      }
      expect(told).toEqual(whole);
    },
  );

  test("passes output on before its frame is complete", () => {
    const { told, cutter } = recorder();
    cutter.push(output("id", 1, long).subarray(0, -990));
    expect(told).toEqual(["id stdout 05050505050505050505"]);
  });

  test("stops behind the piece after which nothing is wanted, and goes on there", () => {
    const { told, cutter } = recorder();
    const taken = cutter.push(stream, () => told.length < 2);
    expect(told).toEqual(whole.slice(0, 2));
    cutter.push(stream.subarray(taken));
    expect(told).toEqual(whole);
  });

  const header = (length: number, kind: number, zero: number) =>
    new WireWriter().u32(length).u16(kind).u16(zero).u32(0).written();
  test.each([
    ["a length over the limit", header(0xffff_ffff, 1, 0)],
    ["a number where there is none", header(0, 1, 1)],
    [
      "output whose id is longer than its frame",
      Buffer.concat([header(12, FrameKind.execOutput, 0), new WireWriter().u32(99).written()]),
    ],
    [
      "output that says another length than its frame",
      Buffer.concat([header(13, FrameKind.execOutput, 0), new WireWriter().string("ab").u8(1).u32(5).written()]),
    ],
  ])("refuses %s, in one piece and byte by byte", (_what, bytes) => {
    expect(() => recorder().cutter.push(bytes)).toThrow("malformed");
    const { cutter } = recorder();
    expect(() => {
      for (const byte of bytes) cutter.push(Uint8Array.of(byte));
    }).toThrow("malformed");
  });
});
