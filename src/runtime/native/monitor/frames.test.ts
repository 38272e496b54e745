import { describe, expect, test } from "bun:test";
import { encodeFrame, maxPayloadBytes } from "./frames.ts";

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
