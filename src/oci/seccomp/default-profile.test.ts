import { describe, expect, test } from "bun:test";
import type { SpecSyscall } from "../runtime-spec.ts";
import { allowedSyscalls } from "./allowed-syscalls.ts";
import { defaultSeccompProfile, type SeccompContext } from "./default-profile.ts";

const context: SeccompContext = { architecture: "amd64", kernelVersion: { major: 6, minor: 1 }, capabilities: [] };

function allowedWithoutArguments(rules: readonly SpecSyscall[]): ReadonlySet<string> {
  return new Set(
    rules.filter(({ action, args }) => action === "SCMP_ACT_ALLOW" && args === undefined).flatMap(({ names }) => names),
  );
}

describe("defaultSeccompProfile()", () => {
  test("allows the field's 363 calls without condition, each once", () => {
    expect(allowedSyscalls).toHaveLength(363);
    expect(new Set(allowedSyscalls).size).toBe(363);
  });

  test("fails everything else with EPERM", () => {
    const profile = defaultSeccompProfile(context);
    expect(profile).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1 });
    const allowed = allowedWithoutArguments(profile.syscalls);
    const never = [
      ...["io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "userfaultfd"],
      ...["kexec_load", "kexec_file_load", "pivot_root", "swapon", "swapoff", "mount", "umount2", "setns", "unshare"],
      ...["bpf", "open_by_handle_at", "init_module", "reboot", "personality", "clone", "clone3", "socket", "syslog"],
    ];
    for (const name of never) expect(allowed.has(name)).toBe(false);
  });

  test("allows the families of sockets that Linux has, but AF_ALG and AF_VSOCK (CVE-2026-31431), and none to come", () => {
    const rules = defaultSeccompProfile(context).syscalls.filter(({ names }) => names.includes("socket"));
    const passes = (family: number) =>
      rules.some(({ args }) => {
        const [arg] = args ?? [];
        if (arg === undefined) return true;
        if (arg.op === "SCMP_CMP_LT") return family < Number(arg.value);
        if (arg.op === "SCMP_CMP_GT") return family > Number(arg.value);
        return family === arg.value;
      });
    const refused = Array.from({ length: 50 }, (_unused, family) => family).filter((family) => !passes(family));
    expect(refused).toEqual([38, 40, 46, 47, 48, 49]);
    expect([255, 0x7fffffff, 0xffffffff].filter(passes)).toEqual([]);
  });

  test("keeps new namespaces from those without CAP_SYS_ADMIN", () => {
    const rule = (name: string, capabilities: readonly string[]) =>
      defaultSeccompProfile({ ...context, capabilities }).syscalls.filter(({ names }) => names.includes(name));
    expect(rule("clone", [])).toEqual([
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
    ]);
    expect(rule("clone3", [])).toEqual([{ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }]);
    expect(rule("clone3", ["CAP_SYS_ADMIN"])).toHaveLength(1);
    expect(rule("clone3", ["CAP_SYS_ADMIN"])[0]?.action).toBe("SCMP_ACT_ALLOW");
  });

  const byCapability: readonly [string, string][] = [
    ["CAP_BPF", "bpf"],
    ["CAP_DAC_READ_SEARCH", "open_by_handle_at"],
    ["CAP_PERFMON", "perf_event_open"],
    ["CAP_SYSLOG", "syslog"],
    ["CAP_SYS_ADMIN", "mount_setattr"],
    ["CAP_SYS_BOOT", "reboot"],
    ["CAP_SYS_CHROOT", "chroot"],
    ["CAP_SYS_MODULE", "finit_module"],
    ["CAP_SYS_NICE", "mbind"],
    ["CAP_SYS_PACCT", "acct"],
    ["CAP_SYS_PTRACE", "pidfd_getfd"],
    ["CAP_SYS_RAWIO", "iopl"],
    ["CAP_SYS_TIME", "settimeofday"],
    ["CAP_SYS_TTY_CONFIG", "vhangup"],
  ];
  for (const [capability, name] of byCapability) {
    test(`opens ${name} with ${capability} only`, () => {
      expect(allowedWithoutArguments(defaultSeccompProfile(context).syscalls).has(name)).toBe(false);
      const profile = defaultSeccompProfile({ ...context, capabilities: [capability] });
      expect(allowedWithoutArguments(profile.syscalls).has(name)).toBe(true);
    });
  }

  test("allows ptrace from Linux 4.8 on", () => {
    const allows = (major: number, minor: number) =>
      allowedWithoutArguments(defaultSeccompProfile({ ...context, kernelVersion: { major, minor } }).syscalls).has(
        "ptrace",
      );
    expect([allows(4, 7), allows(4, 8), allows(5, 0), allows(3, 19)]).toEqual([false, true, true, false]);
  });

  test("knows every instruction set the kernel runs", () => {
    expect(defaultSeccompProfile(context).architectures).toEqual([
      "SCMP_ARCH_X86_64",
      "SCMP_ARCH_X86",
      "SCMP_ARCH_X32",
    ]);
    const arm = defaultSeccompProfile({ ...context, architecture: "arm64" });
    expect(arm.architectures).toEqual(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    expect(allowedWithoutArguments(arm.syscalls).has("sync_file_range2")).toBe(true);
    expect(allowedWithoutArguments(arm.syscalls).has("arch_prctl")).toBe(false);
  });
});
