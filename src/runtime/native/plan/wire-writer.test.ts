import { expect, test } from "bun:test";
import { WireWriter } from "./wire-writer.ts";

test("a piece that is many times the buffer is written whole, behind what was there", () => {
  const large = new Uint8Array(1 << 20).fill(7);
  const written = new WireWriter().u8(1).bytes(large).u8(2).written();
  expect(written.length).toBe(1 + 4 + large.length + 1);
  expect(Buffer.from(written.subarray(5, -1)).equals(large)).toBe(true);
  expect([written[0], written.at(-1)]).toEqual([1, 2]);
});
