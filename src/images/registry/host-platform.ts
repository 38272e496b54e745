import { readFileSync } from "node:fs";
import type { Platform } from "./platform.ts";

/** Flags of /proc/cpuinfo that each x86-64 level adds (x86-64 psABI, "Microarchitecture levels"). */
const amd64Levels: readonly (readonly [string, readonly string[]])[] = [
  ["v2", ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"]],
  ["v3", ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"]],
  ["v4", ["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"]],
];

/** The platform of this machine, in OCI's names. */
export function hostPlatform(): Platform {
  if (process.arch === "arm64") return { os: "linux", architecture: "arm64", variant: "v8" };
  return { os: "linux", architecture: "amd64", variant: amd64Variant(readFileSync("/proc/cpuinfo", "utf8")) };
}

export function amd64Variant(cpuinfo: string): string {
  const flags = new Set((/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? "").trim().split(/\s+/));
  let variant = "v1";
  for (const [level, needed] of amd64Levels) {
    if (!needed.every((flag) => flags.has(flag))) break;
    variant = level;
  }
  return variant;
}
