import { describe, expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import type { SeccompContext } from "./default-profile.ts";
import { kernelSeccompProfile } from "./kernel-profile.ts";
import { parseSeccompProfile } from "./parse-profile.ts";

const context: SeccompContext = {
  architecture: "amd64",
  kernelVersion: { major: 5, minor: 10 },
  capabilities: ["CAP_CHOWN", "CAP_SYS_CHROOT"],
};

function parse(profile: unknown, changes: Partial<SeccompContext> = {}) {
  return parseSeccompProfile(JSON.stringify(profile), "tight.json", { ...context, ...changes });
}

const minimal = { defaultAction: "SCMP_ACT_ERRNO" };
const rule = { names: ["read"], action: "SCMP_ACT_ALLOW" };

describe("parseSeccompProfile()", () => {
  test("reads OCI's form", () => {
    const profile = {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 38,
      architectures: ["SCMP_ARCH_X86_64"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      syscalls: [
        { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
        { names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 3, args: [{ index: 1, value: 9, op: "SCMP_CMP_EQ" }] },
      ],
    };
    expect(parse(profile)).toEqual(profile);
  });

  test("resolves docker's architecture map to this machine's", () => {
    const archMap = [
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
      { architecture: "SCMP_ARCH_RISCV64", subArchitectures: null },
    ];
    const profile = parse({ ...minimal, archMap });
    expect(profile.architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
  });

  const conditions: readonly [string, object, boolean][] = [
    ["includes a capability held", { includes: { caps: ["CAP_CHOWN"] } }, true],
    ["includes capabilities not all held", { includes: { caps: ["CAP_CHOWN", "CAP_BPF"] } }, false],
    ["excludes a capability held", { excludes: { caps: ["CAP_CHOWN"] } }, false],
    ["excludes a capability not held", { excludes: { caps: ["CAP_BPF"] } }, true],
    ["includes this architecture", { includes: { arches: ["arm64", "amd64"] } }, true],
    ["includes another architecture", { includes: { arches: ["arm64"] } }, false],
    ["excludes this architecture", { excludes: { arches: ["amd64"] } }, false],
    ["includes an older kernel", { includes: { minKernel: "4.8" } }, true],
    ["includes this kernel", { includes: { minKernel: "5.10" } }, true],
    ["includes a newer kernel", { includes: { minKernel: "5.11" } }, false],
    ["excludes a newer kernel", { excludes: { minKernel: "6.0" } }, true],
    ["has empty conditions", { includes: {}, excludes: {}, comment: "x", args: null }, true],
  ];
  for (const [name, condition, kept] of conditions) {
    test(`${kept ? "keeps" : "drops"} a rule that ${name}`, () => {
      expect(parse({ ...minimal, syscalls: [{ ...rule, ...condition }] }).syscalls).toEqual(kept ? [rule] : []);
    });
  }

  // Failing closed (V26): what is not understood is an error, never a rule left out.
  const refusals: readonly [string, unknown][] = [
    ["no default action", {}],
    ["an unknown action", { defaultAction: "SCMP_ACT_SHRUG" }],
    ["an agent there is none of", { ...minimal, syscalls: [{ ...rule, action: "SCMP_ACT_NOTIFY" }] }],
    ["a listener", { ...minimal, listenerPath: "/run/agent.sock" }],
    ["an unknown architecture", { ...minimal, architectures: ["SCMP_ARCH_Z80"] }],
    ["an unknown flag", { ...minimal, flags: ["SECCOMP_FILTER_FLAG_NEW_LISTENER"] }],
    ["an unknown field", { ...minimal, sysCalls: [rule] }],
    ["an unknown field of a rule", { ...minimal, syscalls: [{ ...rule, arg: [] }] }],
    [
      "an unknown operator",
      { ...minimal, syscalls: [{ ...rule, args: [{ index: 0, value: 1, op: "SCMP_CMP_XOR" }] }] },
    ],
    ["a seventh argument", { ...minimal, syscalls: [{ ...rule, args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] }] }],
    ["a negative value", { ...minimal, syscalls: [{ ...rule, args: [{ index: 0, value: -1, op: "SCMP_CMP_EQ" }] }] }],
    [
      "a value JSON cannot hold",
      { ...minimal, syscalls: [{ ...rule, args: [{ index: 0, value: 2 ** 60, op: "SCMP_CMP_EQ" }] }] },
    ],
    ["a rule without names", { ...minimal, syscalls: [{ action: "SCMP_ACT_ALLOW" }] }],
    ["an unknown capability", { ...minimal, syscalls: [{ ...rule, includes: { caps: ["CAP_FLY"] } }] }],
    ["a list", []],
    ["null", null],
  ];
  for (const [name, profile] of refusals) {
    test(`refuses ${name}`, () => {
      expect(() => parse(profile)).toThrow(CribError);
      expect(() => parse(profile)).toThrow("tight.json");
    });
  }

  test("refuses text that is no JSON, or too much of it", () => {
    expect(() => parseSeccompProfile("{", "x", context)).toThrow("not JSON");
    expect(() => parseSeccompProfile(" ".repeat((1 << 20) + 1), "x", context)).toThrow("larger");
  });
});

test("kernelSeccompProfile() has every field, values as 64-bit integers", () => {
  const args = [{ index: 0, value: 0xffffffff, op: "SCMP_CMP_EQ" }];
  const profile = parse({ ...minimal, syscalls: [rule, { ...rule, args }] });
  expect(kernelSeccompProfile(profile)).toEqual({
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: [],
    flags: [],
    syscalls: [
      { names: ["read"], action: "SCMP_ACT_ALLOW", args: [] },
      {
        names: ["read"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 0xffffffffn, valueTwo: 0n, op: "SCMP_CMP_EQ" }],
      },
    ],
  });
});
