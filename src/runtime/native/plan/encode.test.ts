import { describe, expect, test } from "bun:test";
import { parseHostPath, parseRootfsPath } from "../../../ids/path.ts";
import { encodePlan } from "./encode.ts";
import { stepKinds, stepName } from "./step-kinds.ts";
import type { LaunchPlan, PlanStep } from "./steps.ts";

function planOf(...steps: readonly PlanStep[]): LaunchPlan {
  return { cloneFlags: 0x2002_0000, pidNamespace: { kind: "own" }, join: undefined, steps };
}

const headerBytes = 32;

/** Payload of the only step of a plan. */
function payloadOf(step: PlanStep): string {
  const bytes = encodePlan(planOf(step));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect(view.getUint16(headerBytes, true)).toBe(stepKinds[step.kind]);
  expect(view.getUint32(headerBytes + 4, true)).toBe(bytes.length - headerBytes - 8);
  return Buffer.from(bytes.subarray(headerBytes + 8)).toString("hex");
}

const path = parseRootfsPath("/p");
const hostPath = parseHostPath("/h");
const p = "02000000" + "2f70" + "00";
const h = "02000000" + "2f68" + "00";

/** One of every kind, with its bytes as ffi/wire/plan.h lays them out. */
const payloads: readonly (readonly [PlanStep, string])[] = [
  [{ kind: "join-cgroup", procsFile: hostPath }, h],
  [{ kind: "oom-score-adj", value: -999 }, "19fcffff"],
  [{ kind: "join-namespace", path: hostPath, nsType: 0x4000_0000 }, `${h}00000040`],
  [{ kind: "unshare", flags: 0x0200_0000 }, "0000000200000000"],
  [{ kind: "hostname", name: "n" }, "010000006e00"],
  [
    { kind: "rlimit", resource: 7, soft: 1024n, hard: 2n ** 64n - 1n },
    "07000000" + "0004000000000000" + "ffffffffffffffff",
  ],
  [{ kind: "open-source", slot: 1, path: hostPath, recursive: true }, `01000000${h}01`],
  [{ kind: "root-propagation", propagation: "slave" }, "01"],
  [
    { kind: "rootfs", lower: [hostPath, hostPath], upper: undefined, work: undefined, attachAt: hostPath, options: [] },
    `02000000${h}${h}${"0000000000"}${"0000000000"}${h}00000000`,
  ],
  [
    { kind: "mount", fsType: "n", source: "", target: path, attributes: 0x0020_000f, options: ["n"] },
    `010000006e00${"0000000000"}${p}0f0020000000000001000000010000006e00`,
  ],
  [
    { kind: "bind", slot: 3, target: path, attributes: 1, recursive: true, propagation: "shared" },
    `03000000${p}01000000000000000102`,
  ],
  [
    { kind: "device", path, type: "block", major: 8, minor: 1, mode: 0o660, uid: 0, gid: 6 },
    `${p}010800000001000000b00100000000000006000000`,
  ],
  [{ kind: "symlink", target: "n", path }, `010000006e00${p}`],
  [{ kind: "console" }, ""],
  [{ kind: "pivot" }, ""],
  [{ kind: "mask", path }, p],
  [{ kind: "read-only", path }, p],
  [{ kind: "read-only-root" }, ""],
  [{ kind: "sysctl", key: "n", value: "" }, "010000006e000000000000"],
  [{ kind: "session-keyring", name: "n" }, "010000006e00"],
  [{ kind: "umask", mask: 0o22 }, "12000000"],
  [{ kind: "lsm-label", lsm: "selinux", label: "n" }, "01010000006e00"],
  [{ kind: "no-new-privileges" }, ""],
  [{ kind: "user", uid: 4294967294, gid: 1, groups: [2, 3] }, "feffffff01000000020000000200000003000000"],
  [
    { kind: "capabilities", bounding: 1n, effective: 2n, permitted: 3n, inheritable: 4n, ambient: 2n ** 40n },
    "0100000000000000020000000000000003000000000000000400000000000000" + "0000000000010000",
  ],
  [{ kind: "seccomp", program: Uint8Array.of(1, 2), flags: 4 }, "02000000010204000000"],
  [{ kind: "working-directory", path, create: true }, `${p}01`],
  [{ kind: "stdio-owner", uid: 65_536 }, "00000100"],
  [{ kind: "idmap-source", slot: 3 }, "03000000"],
  [
    {
      kind: "idmapped-rootfs",
      lower: [hostPath],
      upper: hostPath,
      work: undefined,
      attachAt: hostPath,
      options: ["n"],
    },
    `01000000${h}${h}${"0000000000"}${h}01000000010000006e00`,
  ],
  [{ kind: "enter-user-namespace", flags: 0x2202_0000 }, "0000022200000000"],
  [
    { kind: "open-image", slot: 2, lower: [hostPath, hostPath], staging: hostPath, path: "n", idmapped: true },
    `0200000002000000${h}${h}${h}010000006e0001`,
  ],
  [{ kind: "copy-up", slot: 3, path, onTmpfs: true, options: ["n"] }, `03000000${p}0101000000010000006e00`],
  [
    {
      kind: "runtime",
      bundle: hostPath,
      create: ["/runc", "create"],
      start: [],
      env: ["A=b"],
      pidFile: "pid",
      terminal: true,
      timeoutSeconds: 50,
    },
    `${h}02000000050000002f72756e63000600000063726561746500000000000100000003000000413d620003000000706964000132000000`,
  ],
  [
    {
      kind: "shim-start",
      bundle: hostPath,
      argv: ["/s"],
      env: [],
      input: "i",
      output: "o",
      errors: "e",
      timeoutSeconds: 20,
    },
    `${h}01000000020000002f730000000000010000006900010000006f0001000000650014000000`,
  ],
  [
    {
      kind: "shim",
      bundle: hostPath,
      socket: "/k",
      root: hostPath,
      create: Uint8Array.of(1),
      start: Uint8Array.of(2),
      wait: Uint8Array.of(3),
      end: Uint8Array.of(4),
      closeStdin: undefined,
      resize: Uint8Array.of(5, 6),
      timeoutSeconds: 50,
    },
    `${h}020000002f6b00${h}01000000010100000002010000000301000000040000000002000000050632000000`,
  ],
  [
    { kind: "hook", path: hostPath, argv: ["n"], env: [], state: Uint8Array.of(123, 125), timeoutSeconds: 9 },
    `${h}01000000010000006e0000000000020000007b7d09000000`,
  ],
  [
    { kind: "exec", argv: [Uint8Array.of(0xff)], env: [Uint8Array.of(0x41, 0x3d)] },
    "0100000001000000ff000100000002000000413d00",
  ],
];

describe("encodePlan", () => {
  for (const [step, expected] of payloads) {
    test(`writes ${step.kind}`, () => expect(payloadOf(step)).toBe(expected));
  }

  test("is checked for every kind there is", () => {
    expect(payloads.map(([step]) => step.kind).sort()).toEqual(Object.keys(stepKinds).sort() as PlanStep["kind"][]);
  });

  test("writes the header", () => {
    const exec: PlanStep = { kind: "exec", argv: [], env: [] };
    const plan: LaunchPlan = {
      cloneFlags: 0x8000_0000 | 0,
      pidNamespace: { kind: "process", pid: 258 },
      join: { pid: 3, namespaces: 0x0202_0000 },
      steps: [exec],
    };
    expect(Buffer.from(encodePlan(plan).subarray(0, headerBytes)).toString("hex")).toBe(
      "4352504c" + "0100" + "03" + "01" + "0000008000000000" + "02010000" + "03000000" + "00000202" + "01000000",
    );
  });

  test("refuses strings that C would read as shorter", () => {
    expect(() => encodePlan(planOf({ kind: "hostname", name: "a\0b" }))).toThrow("NUL byte");
    expect(() => encodePlan(planOf({ kind: "exec", argv: [Uint8Array.of(65, 0, 66)], env: [] }))).toThrow("NUL byte");
  });

  test("writes plans larger than any buffer it began with (a view of an outgrown buffer was written to)", () => {
    const argv = Array.from({ length: 1000 }, (_, index) => new Uint8Array(index % 37).fill(65));
    const bytes = encodePlan(planOf({ kind: "exec", argv, env: [] }));
    const size = argv.reduce((sum, argument) => sum + 4 + argument.length + 1, 0);
    expect(bytes.length).toBe(headerBytes + 8 + 4 + size + 4);
  });
});

describe("stepKinds", () => {
  test("have names, also when a newer monitor has more of them", () => {
    expect(stepName(11)).toBe("mount");
    expect(stepName(0)).toBeUndefined();
    expect(stepName(999)).toBe("step kind 999");
  });
});
