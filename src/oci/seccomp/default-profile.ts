import type { HostFacts } from "../host-facts.ts";
import type { SpecSeccomp, SpecSyscall, SpecSyscallArg } from "../runtime-spec.ts";
import { allowedSyscalls } from "./allowed-syscalls.ts";
import { architectureSyscalls, seccompArchitectures } from "./architectures.ts";
import { capabilitySyscalls } from "./capability-syscalls.ts";

/** What decides which rules of a profile apply. */
export interface SeccompContext {
  readonly architecture: HostFacts["architecture"];
  readonly kernelVersion: HostFacts["kernelVersion"];
  /** The container's bounding set, names with `CAP_`. */
  readonly capabilities: readonly string[];
}

const EPERM = 1;
const ENOSYS = 38;
const AF_ALG = 38;
/** CLONE_NEWNS|NEWCGROUP|NEWUTS|NEWIPC|NEWUSER|NEWPID|NEWNET. */
const cloneNamespaceFlags = 0x7e020000;

/** PER_LINUX, PER_LINUX32, UNAME26, UNAME26|PER_LINUX32, and the query. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff] as const;

/**
 * The RuntimeDefault profile: what is not listed fails with EPERM.
 */
export function defaultSeccompProfile(context: SeccompContext): SpecSeccomp {
  const capabilities = new Set(context.capabilities);
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: seccompArchitectures[context.architecture],
    syscalls: [
      allow([...allowedSyscalls, ...architectureSyscalls[context.architecture]]),
      ...socketRules,
      ...personalities.map((value) => allow(["personality"], [{ index: 0, value, op: "SCMP_CMP_EQ" }])),
      ...ptraceRules(context.kernelVersion),
      ...Object.entries(capabilitySyscalls)
        .filter(([capability]) => capabilities.has(capability))
        .map(([, names]) => allow(names)),
      ...(capabilities.has("CAP_SYS_ADMIN") ? [] : cloneRules),
    ],
  };
}

/** AF_NFC, AF_KCM, AF_QIPCRTR, AF_SMC, AF_XDP, AF_MCTP. */
const familiesAboveAlg = [39, 41, 42, 43, 44, 45] as const;

/**
 * The families of today's Linux but AF_ALG (38; page-cache writes by anyone, CVE-2026-31431) and AF_VSOCK (40; reaches the
 * hypervisor's side past the pod's network). One that a later kernel brings is refused until it was reviewed. Rules
 * that allow, one by one: two "not equal" rules would be or-ed and allow both.
 */
const socketRules: readonly SpecSyscall[] = [
  allow(["socket"], [{ index: 0, value: AF_ALG, op: "SCMP_CMP_LT" }]),
  ...familiesAboveAlg.map((family) => allow(["socket"], [{ index: 0, value: family, op: "SCMP_CMP_EQ" }])),
];

/**
 * No new namespaces without CAP_SYS_ADMIN: unprivileged user namespaces open kernel code that is out of reach otherwise. clone3 takes
 * its flags in memory, where a filter cannot look: ENOSYS makes glibc fall back to clone.
 */
const cloneRules: readonly SpecSyscall[] = [
  allow(["clone"], [{ index: 0, value: cloneNamespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }]),
  { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
];

/** Before Linux 4.8 a tracer could change a call after the filter had seen it. */
function ptraceRules({ major, minor }: SeccompContext["kernelVersion"]): readonly SpecSyscall[] {
  if (major < 4 || (major === 4 && minor < 8)) return [];
  return [allow(["process_vm_readv", "process_vm_writev", "ptrace"])];
}

function allow(names: readonly string[], args?: readonly SpecSyscallArg[]): SpecSyscall {
  return { names, action: "SCMP_ACT_ALLOW", ...(args !== undefined && { args }) };
}
