import { describe, expect, test } from "bun:test";
import type { SeccompProfile, SeccompRule } from "../port.ts";
import { runFilter } from "../testdata/bpf-machine.ts";
import { createLinuxKernel } from "./linux.ts";

const kernel = createLinuxKernel();

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;
const X32_BIT = 0x40000000;
const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const KILL_PROCESS = 0x80000000;

const rule = (names: string[], action = "SCMP_ACT_ALLOW", args: SeccompRule["args"] = []): SeccompRule => ({
  names,
  action,
  args,
});
const profile = (syscalls: readonly SeccompRule[], more: Partial<SeccompProfile> = {}): SeccompProfile => ({
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64"],
  flags: [],
  syscalls,
  ...more,
});
const x86_64 = (number: number, ...args: bigint[]) => ({ arch: X86_64, number, args });

describe("verdicts", () => {
  // read 0, write 1, socket 41, personality 135; on i386 read is 3, write 4.
  const program = kernel.compileSeccomp(
    profile([rule(["read", "write", "no_such_call_ever"]), rule(["exit_group"], "SCMP_ACT_KILL_PROCESS")], {
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    }),
  );

  test.each([
    ["an allowed call", x86_64(0), ALLOW],
    ["another one", x86_64(1), ALLOW],
    ["one with an action of its own", x86_64(231), KILL_PROCESS],
    ["one nobody named", x86_64(2), EPERM],
    ["the same name's number on i386", { arch: I386, number: 3 }, ALLOW],
    ["x86_64's number on i386", { arch: I386, number: 0 }, EPERM],
    ["an architecture that is not listed", { arch: AARCH64, number: 0 }, KILL_PROCESS],
    ["x32 where it is not listed", x86_64(X32_BIT + 0), KILL_PROCESS],
  ])("%s", (_what, call, verdict) => {
    expect(runFilter(program, call)).toBe(verdict);
  });

  test("calls newer than the profile are unknown, not forbidden", () => {
    // The highest named: exit_group, 231 on x86_64 and 252 on i386.
    expect(runFilter(program, x86_64(230))).toBe(EPERM);
    expect(runFilter(program, x86_64(232))).toBe(ENOSYS);
    expect(runFilter(program, x86_64(452))).toBe(ENOSYS);
    expect(runFilter(program, { arch: I386, number: 251 })).toBe(EPERM);
    expect(runFilter(program, { arch: I386, number: 253 })).toBe(ENOSYS);
  });

  test("x32 has a highest number of its own", () => {
    const both = kernel.compileSeccomp(
      profile([rule(["write"])], { architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"] }),
    );
    expect(runFilter(both, x86_64(X32_BIT + 1))).toBe(ALLOW);
    expect(runFilter(both, x86_64(X32_BIT + 0))).toBe(EPERM);
    expect(runFilter(both, x86_64(X32_BIT + 2))).toBe(ENOSYS);
    expect(runFilter(both, x86_64(2))).toBe(ENOSYS);
  });
});

describe("default actions", () => {
  test.each([
    ["SCMP_ACT_ALLOW", ALLOW],
    ["SCMP_ACT_LOG", 0x7ffc0000],
  ])("%s lets newer calls through", (defaultAction, verdict) => {
    const program = kernel.compileSeccomp(profile([rule(["write"], "SCMP_ACT_ERRNO")], { defaultAction }));
    expect(runFilter(program, x86_64(500))).toBe(verdict);
    expect(runFilter(program, x86_64(1))).toBe(EPERM);
  });

  test("an errno of the profile's choice", () => {
    const program = kernel.compileSeccomp(
      profile([{ ...rule(["write"], "SCMP_ACT_ERRNO"), errnoRet: 13 }], { defaultErrnoRet: 22 }),
    );
    expect(runFilter(program, x86_64(1))).toBe(0x0005000d);
    expect(runFilter(program, x86_64(0))).toBe(0x00050016);
  });

  test("a profile without rules refuses everything", () => {
    const program = kernel.compileSeccomp(profile([]));
    for (const number of [0, 59, 400]) expect(runFilter(program, x86_64(number))).toBe(EPERM);
  });
});

describe("arguments", () => {
  const when = (op: string, value: bigint, valueTwo = 0n, index = 0) => ({ index, value, valueTwo, op });
  const big = 0x1_0000_0000n;

  test.each([
    ["SCMP_CMP_EQ", 5n, 0n, [5n], [4n, 6n, big + 5n]],
    ["SCMP_CMP_NE", 5n, 0n, [4n, big + 5n], [5n]],
    ["SCMP_CMP_LT", 5n, 0n, [4n], [5n, big]],
    ["SCMP_CMP_LE", 5n, 0n, [5n], [6n, big]],
    ["SCMP_CMP_GT", 5n, 0n, [6n, big], [5n]],
    ["SCMP_CMP_GE", 5n, 0n, [5n, big], [4n]],
    // The mask comes first, then what must remain: CLONE_NEWUSER must not be set.
    ["SCMP_CMP_MASKED_EQ", 0x10000000n, 0n, [0x11n, 0x20000000n], [0x10000000n, 0x30000011n]],
    ["SCMP_CMP_EQ", 0xffff_ffff_ffff_ffffn, 0n, [0xffff_ffff_ffff_ffffn], [0xffff_ffffn]],
  ])("%s %d", (op, value, valueTwo, allowed, refused) => {
    const program = kernel.compileSeccomp(
      profile([rule(["personality"], "SCMP_ACT_ALLOW", [when(op, value, valueTwo)])]),
    );
    for (const argument of allowed) expect(runFilter(program, x86_64(135, argument))).toBe(ALLOW);
    for (const argument of refused) expect(runFilter(program, x86_64(135, argument))).toBe(EPERM);
  });

  test("conditions on different arguments hold together", () => {
    const args = [when("SCMP_CMP_EQ", 1n), when("SCMP_CMP_EQ", 2n, 0n, 1)];
    const program = kernel.compileSeccomp(profile([rule(["socket"], "SCMP_ACT_ALLOW", args)]));
    expect(runFilter(program, x86_64(41, 1n, 2n))).toBe(ALLOW);
    expect(runFilter(program, x86_64(41, 1n, 3n))).toBe(EPERM);
    expect(runFilter(program, x86_64(41, 3n, 2n))).toBe(EPERM);
  });

  test("conditions on one argument are alternatives, as with runc", () => {
    const args = [when("SCMP_CMP_EQ", 1n), when("SCMP_CMP_EQ", 7n)];
    const program = kernel.compileSeccomp(profile([rule(["personality"], "SCMP_ACT_ALLOW", args)]));
    expect([1n, 7n, 3n].map((value) => runFilter(program, x86_64(135, value)))).toEqual([ALLOW, ALLOW, EPERM]);
  });

  test.each([
    [{ index: 6, value: 0n, valueTwo: 0n, op: "SCMP_CMP_EQ" }, "index 6"],
    [{ index: -1, value: 0n, valueTwo: 0n, op: "SCMP_CMP_EQ" }, "index -1"],
    [{ index: 0, value: 0n, valueTwo: 0n, op: "SCMP_CMP_NEAR" }, "SCMP_CMP_NEAR"],
  ])("refuses %p", (argument, reason) => {
    expect(() => kernel.compileSeccomp(profile([rule(["personality"], "SCMP_ACT_ALLOW", [argument])]))).toThrow(reason);
  });
});

test("an unknown architecture fails the profile", () => {
  expect(() => kernel.compileSeccomp(profile([], { architectures: ["SCMP_ARCH_Z80"] }))).toThrow("SCMP_ARCH_Z80");
});

test("the same rule twice and a rule that says the default are no error", () => {
  const twice = [rule(["write"]), rule(["write"]), rule(["read"], "SCMP_ACT_ERRNO")];
  const program = kernel.compileSeccomp(profile(twice));
  expect(runFilter(program, x86_64(1))).toBe(ALLOW);
  expect(runFilter(program, x86_64(0))).toBe(EPERM);
});

test("compiling frees what it took", () => {
  const compile = () => kernel.compileSeccomp(profile([rule(["read", "write", "openat", "close"])]));
  for (let round = 0; round < 50; round += 1) compile();
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 400; round += 1) compile();
  expect(process.memoryUsage().rss - before).toBeLessThan(16 << 20);
});
