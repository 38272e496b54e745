import { describe, expect, test } from "bun:test";
import { maskedFrame } from "../../../tests/fixtures/raw-client.ts";
import { FrameReader } from "./frame-reader.ts";
import { unmask } from "./unmask.ts";

const limits = { maxFrameBytes: 1 << 20, maxMessageBytes: 1 << 21 };

/** What a reader says of `bytes`, cut as `cut` says; pieces are put together. */
function read(bytes: Uint8Array, cut: (left: number) => number): readonly string[] {
  const told: string[] = [];
  let message: Buffer[] | undefined;
  const reader = new FrameReader(
    {
      onMessageStart: (opcode) => {
        message = [Buffer.of(opcode)];
      },
      onPiece: (piece) => void message?.push(Buffer.from(piece)),
      onMessageEnd: () => {
        told.push(`message ${Bun.hash(Buffer.concat(message ?? []))}`);
        message = undefined;
      },
      onControl: (opcode, payload) => void told.push(`control ${opcode} ${Buffer.from(payload).toString("hex")}`),
      onViolation: (code, reason) => void told.push(`violation ${code} ${reason}`),
    },
    limits,
  );
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, cut(bytes.length - at));
    reader.read(new Uint8Array(bytes.subarray(at, at + size)));
    at += size;
  }
  return told;
}

/** Park and Miller: the same numbers for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

function conversation(random: (below: number) => number): Buffer {
  const frames: Buffer[] = [];
  for (let count = 1 + random(5); count > 0; count -= 1) {
    const payload = Buffer.alloc([0, 1, 125, 126, 127, 65_535, 65_536, 70_001][random(8)] ?? 0, random(256));
    const middle = random(3);
    if (middle === 0) frames.push(maskedFrame(1 + random(2), payload));
    else {
      frames.push(maskedFrame(1 + random(2), payload, { final: false }));
      if (middle === 2) frames.push(maskedFrame(9 + random(2), payload.subarray(0, 125)));
      frames.push(maskedFrame(0, payload));
    }
  }
  return Buffer.concat(frames);
}

describe("FrameReader", () => {
  test("reads the same however the bytes are cut", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomOf(seed);
      const bytes = conversation(random);
      const whole = read(bytes, (left) => left);
      expect(whole.length).toBeGreaterThan(0);
      expect(whole.some((line) => line.startsWith("violation"))).toBe(false);
      expect({ seed, told: read(bytes, () => 1 + random(4000)) }).toEqual({ seed, told: whole });
    }
  });

  test("whatever is changed in the bytes, it tells at most one violation, last, and never throws", () => {
    let violations = 0;
    for (let seed = 1; seed <= 3000; seed += 1) {
      const random = randomOf(seed);
      const bytes = conversation(random).subarray(0, 4096);
      for (let count = 1 + random(8); count > 0; count -= 1) bytes[random(Math.min(bytes.length, 40))] = random(256);
      const told = read(bytes, () => 1 + random(64));
      const found = told.findIndex((line) => line.startsWith("violation"));
      if (found >= 0) {
        violations += 1;
        expect({ seed, last: found === told.length - 1 }).toEqual({ seed, last: true });
      }
    }
    expect(violations).toBeGreaterThan(500);
  });

  test("a message grows to its limit and no further", () => {
    const part = Buffer.alloc(1 << 20);
    const frames = [maskedFrame(2, part, { final: false }), maskedFrame(0, part, { final: false })];
    expect(read(Buffer.concat([...frames, maskedFrame(0, Buffer.alloc(0))]), (left) => left)).toHaveLength(1);
    expect(read(Buffer.concat([...frames, maskedFrame(0, Buffer.of(1))]), (left) => left)).toEqual([
      "violation 1009 message is too big",
    ]);
  });
});

test("unmask() is its own inverse at every alignment, length and phase", () => {
  const mask = Uint8Array.of(1, 2, 4, 8);
  for (let offset = 0; offset < 5; offset += 1) {
    for (let length = 0; length < 20; length += 1) {
      for (let phase = 0; phase < 4; phase += 1) {
        const bytes = new Uint8Array(new ArrayBuffer(32), offset, length);
        unmask(bytes, mask, phase);
        expect([...bytes]).toEqual(Array.from({ length }, (_, at) => mask[(at + phase) & 3] ?? 0));
      }
    }
  }
});
