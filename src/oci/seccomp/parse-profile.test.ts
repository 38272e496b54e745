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

  // Failing closed (V26): an action or a value that is not understood is an error.
  const refusals: readonly [string, unknown][] = [
    ["no default action", {}],
    ["an unknown action", { defaultAction: "SCMP_ACT_SHRUG" }],
    ["an agent there is none of", { ...minimal, syscalls: [{ ...rule, action: "SCMP_ACT_NOTIFY" }] }],
    ["a listener", { ...minimal, listenerPath: "/run/agent.sock" }],
    ["an unknown architecture", { ...minimal, architectures: ["SCMP_ARCH_Z80"] }],
    ["an unknown flag", { ...minimal, flags: ["SECCOMP_FILTER_FLAG_NEW_LISTENER"] }],
    [
      "an unknown operator",
      { ...minimal, syscalls: [{ ...rule, args: [{ index: 0, value: 1, op: "SCMP_CMP_XOR" }] }] },
    ],
    ["a seventh argument", { ...minimal, syscalls: [{ ...rule, args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] }] }],
    ["a negative value", { ...minimal, syscalls: [{ ...rule, args: [{ index: 0, value: -1, op: "SCMP_CMP_EQ" }] }] }],
    ["a fraction", { ...minimal, syscalls: [{ ...rule, args: [{ index: 0, value: 0.5, op: "SCMP_CMP_EQ" }] }] }],
    ["a rule with two ways of naming", { ...minimal, syscalls: [{ ...rule, name: "write" }] }],
    ["an errno that is none", { ...minimal, defaultErrno: "EFLY" }],
    ["a kernel version that is none", { ...minimal, syscalls: [{ ...rule, includes: { minKernel: "new" } }] }],
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
    expect(() => parseSeccompProfile(" ".repeat((1 << 20) + 1), "x", context)).toThrow("longer");
  });
});

describe("what the reference programs accept is accepted", () => {
  // The forms of containers/common's seccomp.json, which podman and CRI-O ship.
  test("errno by name wins over its number, also for the default", () => {
    const profile = parse({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrno: "ENOSYS",
      defaultErrnoRet: 1,
      syscalls: [{ names: ["bdflush"], action: "SCMP_ACT_ERRNO", errno: "EPERM", errnoRet: 38, args: [], comment: "" }],
    });
    expect(profile).toMatchObject({ defaultErrnoRet: 38, syscalls: [{ names: ["bdflush"], errnoRet: 1 }] });
  });

  test.each<[string, object, object]>([
    ["errnoRet beside ALLOW means nothing", { errnoRet: 1 }, rule],
    ["empty and impossible names are left out", { names: ["", "read", "Read me"] }, rule],
    ["unknown keys and comments are ignored", { comment: 7, "// why": "x", priority: { a: [null] } }, rule],
    ["null is absent", { args: null, errnoRet: null, includes: null, name: null }, rule],
    ["keys match in any case", { names: null, Names: null, name: "read" }, rule],
  ])("%s", (_name, changes, expected) => {
    expect(parse({ ...minimal, syscalls: [{ ...rule, ...changes }] }).syscalls).toEqual([expected as typeof rule]);
  });

  test("a rule without a single name is no rule", () => {
    const syscalls = [{ action: "SCMP_ACT_ALLOW" }, { ...rule, names: [] }, { ...rule, names: [""] }];
    expect(parse({ ...minimal, syscalls }).syscalls).toEqual([]);
  });

  test("arguments keep all of their 64 bits", () => {
    const text = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[
      {"index":0,"value":18446744073709551615,"valueTwo":9007199254740993,"op":"SCMP_CMP_MASKED_EQ"}]}]}`;
    const { syscalls } = kernelSeccompProfile(parseSeccompProfile(text, "x", context));
    expect(syscalls[0]?.args).toEqual([
      { index: 0, value: 18446744073709551615n, valueTwo: 9007199254740993n, op: "SCMP_CMP_MASKED_EQ" },
    ]);
  });

  test("a capability of a kernel to come is not held", () => {
    const rules = [
      { ...rule, includes: { caps: ["CAP_FLY"] } },
      { names: ["write"], action: "SCMP_ACT_ALLOW", excludes: { caps: ["CAP_FLY"] } },
    ];
    expect(parse({ ...minimal, syscalls: rules }).syscalls.flatMap(({ names }) => names)).toEqual(["write"]);
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
