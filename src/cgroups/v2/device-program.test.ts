import { describe, expect, test } from "bun:test";
import type { DeviceRule } from "../../oci/resources/cgroup-resources.ts";
import { allowAllDevicesProgram, deviceProgram } from "./device-program.ts";

const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/** What the kernel would answer: an interpreter of the few instructions the program is made of. */
function run(program: Uint8Array, type: "b" | "c", major: number, minor: number, access: string): number {
  const mask = [...access].reduce((bits, letter) => bits | (accessBits[letter] ?? 0), 0);
  const context = [(mask << 16) | (type === "b" ? 1 : 2), major, minor];
  const view = new DataView(program.buffer);
  const registers: number[] = Array.from({ length: 11 }, () => 0);
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint8(at);
    const [dst, src] = [view.getUint8(at + 1) & 0xf, view.getUint8(at + 1) >> 4];
    const [offset, immediate] = [view.getInt16(at + 2, true), view.getInt32(at + 4, true)];
    const [left = 0, right = 0] = [registers[dst], registers[src]];
    const assigned = assignments[code]?.({ left, right, immediate, loaded: context[offset / 4] ?? Number.NaN });
    if (assigned !== undefined) registers[dst] = assigned;
    else if (code === 0x55) at += left === immediate ? 0 : offset * 8;
    else if (code === 0x5d) at += left === right ? 0 : offset * 8;
    else if (code === 0x95) return registers[0] ?? Number.NaN;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the program has no end");
}

interface Operands {
  readonly left: number;
  readonly right: number;
  readonly immediate: number;
  readonly loaded: number;
}

const assignments: Readonly<Record<number, (operands: Operands) => number>> = {
  97: ({ loaded }) => loaded,
  84: ({ left, immediate }) => left & immediate,
  116: ({ left, immediate }) => left >>> immediate,
  188: ({ right }) => right,
  183: ({ immediate }) => immediate,
};

const rules: readonly DeviceRule[] = [
  { type: "c", major: undefined, minor: undefined, access: "m" },
  { type: "c", major: 1, minor: 3, access: "rwm" },
  { type: "c", major: 1, minor: 5, access: "r" },
  { type: "c", major: 136, minor: undefined, access: "rw" },
  { type: "b", major: 8, minor: 0, access: "rw" },
];

describe("deviceProgram()", () => {
  const cases: readonly ["b" | "c", number, number, string, number][] = [
    ["c", 1, 3, "rwm", 1],
    ["c", 1, 3, "w", 1],
    ["c", 1, 5, "r", 1],
    ["c", 1, 5, "w", 0],
    ["c", 1, 5, "rw", 0],
    ["c", 1, 5, "m", 1],
    ["c", 9, 9, "m", 1],
    ["c", 9, 9, "mr", 0],
    ["b", 9, 9, "m", 0],
    ["c", 136, 4_000_000, "rw", 1],
    ["c", 136, 1, "rwm", 0],
    ["b", 8, 0, "r", 1],
    ["b", 8, 1, "r", 0],
    ["c", 8, 0, "r", 0],
  ];
  const program = deviceProgram(rules);
  for (const [type, major, minor, access, answer] of cases) {
    test(`${answer === 1 ? "allows" : "denies"} ${type} ${major}:${minor} ${access}`, () => {
      expect(run(program, type, major, minor, access)).toBe(answer);
    });
  }

  test("of no rules denies everything", () => {
    expect(run(deviceProgram([]), "c", 1, 3, "r")).toBe(0);
  });

  test("of a rule for both types asks no type", () => {
    const both = deviceProgram([{ type: "a", major: undefined, minor: undefined, access: "r" }]);
    expect([run(both, "b", 1, 1, "r"), run(both, "c", 1, 1, "r"), run(both, "c", 1, 1, "w")]).toEqual([1, 1, 0]);
  });

  test("allowAllDevicesProgram() allows everything", () => {
    expect(run(allowAllDevicesProgram(), "b", 8, 0, "rwm")).toBe(1);
  });
});
