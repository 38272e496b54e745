import type { HostFacts } from "../host-facts.ts";

export type Architecture = HostFacts["architecture"];

/**
 * The instruction sets a kernel of this architecture runs, native first. A filter must know all of them: what it does not
 * know is killed, what it forgets would be a way around it.
 */
export const seccompArchitectures: Readonly<Record<Architecture, readonly string[]>> = {
  amd64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

/** Calls that exist only there. */
export const architectureSyscalls: Readonly<Record<Architecture, readonly string[]>> = {
  amd64: ["arch_prctl", "modify_ldt"],
  arm64: ["arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls", "sync_file_range2"],
};

/** What a profile may name, from libseccomp's table. */
export const knownArchitectures: ReadonlySet<string> = new Set(
  [
    ...["X86", "X86_64", "X32", "ARM", "AARCH64", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64", "MIPSEL64N32"],
    ...[
      "PPC",
      "PPC64",
      "PPC64LE",
      "S390",
      "S390X",
      "PARISC",
      "PARISC64",
      "RISCV64",
      "LOONGARCH64",
      "M68K",
      "SH",
      "SHEB",
    ],
  ].map((name) => `SCMP_ARCH_${name}`),
);
