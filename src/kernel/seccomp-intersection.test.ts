import { describe, expect, test } from "bun:test";
import type { SpecSeccomp, SpecSyscall, SpecSyscallArg } from "../oci/runtime-spec.ts";
import { defaultSeccompProfile } from "../oci/seccomp/default-profile.ts";
import { intersectProfiles } from "../oci/seccomp/intersect-profiles.ts";
import { kernelSeccompProfile } from "../oci/seccomp/kernel-profile.ts";
import { createLinuxKernel } from "./linux/linux.ts";
import { runFilter } from "./testdata/bpf-machine.ts";

/** Both filters and that of the intersection, run on the same calls: the kernel takes the strictest verdict of several. */

const kernel = createLinuxKernel();
const x86_64 = 0xc000003e;
const numbers = { read: 0, close: 3, socket: 41, clone: 56, personality: 135 } as const;
type Name = keyof typeof numbers;
const names = Object.keys(numbers) as Name[];

const compile = (profile: SpecSeccomp) => kernel.compileSeccomp(kernelSeccompProfile(profile));

/** Larger is stricter: the kernel compares the actions as signed numbers and takes the smallest. */
const strictness = (verdict: number) => -((verdict & 0xffff_0000) | 0);

function verdicts(profile: SpecSeccomp, base: SpecSeccomp) {
  const [own, basic, merged] = [profile, base, intersectProfiles(profile, base)].map(compile);
  return (name: Name, args: readonly bigint[]) => {
    const call = { arch: x86_64, number: numbers[name], args };
    const run = (program: Uint8Array | undefined) => strictness(runFilter(program ?? new Uint8Array(), call));
    return { wanted: Math.max(run(own), run(basic)), got: run(merged) };
  };
}

const native = ["SCMP_ARCH_X86_64"];
const samples = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  16n,
  37n,
  38n,
  39n,
  40n,
  41n,
  45n,
  46n,
  0x7e02_0000n,
  1n << 33n,
  2n ** 64n - 1n,
];

function expectSame(profile: SpecSeccomp, base: SpecSeccomp): void {
  const of = verdicts(profile, base);
  for (const name of names)
    for (const value of samples) {
      const { wanted, got } = of(name, [value, 3n]);
      expect([name, value, got]).toEqual([name, value, wanted]);
    }
}

const basis = defaultSeccompProfile({
  architecture: "amd64",
  kernelVersion: { major: 6, minor: 18 },
  capabilities: [],
});
const rule = (
  action: string,
  of: readonly Name[],
  args?: readonly SpecSyscallArg[],
  errnoRet?: number,
): SpecSyscall => ({
  names: of,
  action: `SCMP_ACT_${action}`,
  ...(args !== undefined && { args }),
  ...(errnoRet !== undefined && { errnoRet }),
});
const first = (op: string, value: number, valueTwo?: number): SpecSyscallArg[] => [
  { index: 0, op: `SCMP_CMP_${op}`, value, ...(valueTwo !== undefined && { valueTwo }) },
];
const profileOf = (defaultAction: string, ...syscalls: SpecSyscall[]): SpecSeccomp => ({
  defaultAction: `SCMP_ACT_${defaultAction}`,
  architectures: native,
  // None of the calls below is newer than what the profile knows.
  syscalls: [...syscalls, { names: ["cachestat"], action: `SCMP_ACT_${defaultAction}` }],
});

describe("the intersection of two profiles", () => {
  test.each<readonly [string, SpecSeccomp]>([
    ["an allow-list", profileOf("ERRNO", rule("ALLOW", ["read", "socket", "personality"]))],
    ["a deny-list", profileOf("ALLOW", rule("ERRNO", ["socket"], undefined, 97), rule("KILL_PROCESS", ["clone"]))],
    ["everything", profileOf("ALLOW")],
    ["nothing", profileOf("KILL_PROCESS")],
    ["one family of sockets", profileOf("ERRNO", rule("ALLOW", ["socket"], first("EQ", 2)))],
    ["all families but one", profileOf("ALLOW", rule("ERRNO", ["socket"], first("EQ", 16)))],
    ["a log for what is not listed", profileOf("LOG", rule("ALLOW", ["read"]))],
    ["a trap for some arguments", profileOf("ALLOW", rule("TRAP", ["close"], first("GT", 7)))],
  ])("with the default one: %s", (_name, profile) => {
    expectSame(profile, basis);
  });

  test("is the same whichever comes first, but for the number of the error", () => {
    const profile = profileOf("ALLOW", rule("KILL_THREAD", ["read"]), rule("ERRNO", ["socket"], first("LE", 4), 97));
    expectSame(profile, basis);
    expectSame(basis, profile);
    expect(intersectProfiles(profile, profileOf("ERRNO")).syscalls).toContainEqual(rule("KILL_THREAD", ["read"]));
  });

  test("never permits more than both, whatever they compare", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const pick = <Value>(values: readonly Value[]): Value => values[random(values.length)] as Value;
    const actions = ["ALLOW", "LOG", "ERRNO", "TRAP", "KILL_PROCESS"];
    const ops = ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"];
    const randomRule = () => {
      const op = pick(ops);
      const args =
        random(3) === 0
          ? undefined
          : first(op, pick([1, 2, 3, 7, 38, 40]), op === "MASKED_EQ" ? pick([0, 1, 2]) : undefined);
      return rule(pick(actions), [pick(names)], args);
    };
    let exact = 0;
    let all = 0;
    for (let round = 0; round < 150; round++) {
      // One rule a call: what contradicts itself has no meaning to keep.
      const make = () =>
        profileOf(
          pick(actions),
          ...new Map(Array.from({ length: 5 }, randomRule).map((made) => [made.names[0], made])).values(),
        );
      const [profile, base] = [make(), make()];
      const of = verdicts(profile, base);
      for (const name of names)
        for (const value of samples) {
          const { wanted, got } = of(name, [value]);
          expect([JSON.stringify([profile, base]), name, value, got >= wanted]).toEqual([
            JSON.stringify([profile, base]),
            name,
            value,
            true,
          ]);
          exact += got === wanted ? 1 : 0;
          all += 1;
        }
    }
    expect(exact / all).toBeGreaterThan(0.95);
  });

  test("has the architectures of both, and what either adds to the filter", () => {
    const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"];
    expect(intersectProfiles({ ...profileOf("ALLOW"), flags }, basis)).toMatchObject({
      architectures: native,
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
    });
  });
});
