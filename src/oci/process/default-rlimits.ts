import type { SpecRlimit } from "../runtime-spec.ts";

/** RLIM_INFINITY as JSON has it; plans turn it into the exact number. */
const infinity = Number(2n ** 64n - 1n);

/**
 * What every container starts with, whatever the unit or the shell that started the daemon allows: limits are inherited, and
 * programs that walk up to their limit of files take minutes and gigabytes where that is a service manager's infinity.
 * These are what systemd and the kernel give a service: 1024 for select(2), with room to ask for more; no core unless asked for.
 */
export const defaultRlimits: readonly SpecRlimit[] = [
  { type: "RLIMIT_NOFILE", soft: 1024, hard: 524_288 },
  { type: "RLIMIT_CORE", soft: 0, hard: infinity },
];

/**
 * What a daemon without CAP_SYS_RESOURCE can give of them: no more than its own hard limits.
 *
 * @param procLimits the text of /proc/self/limits.
 */
export function grantableRlimits(limits: readonly SpecRlimit[], procLimits: string): readonly SpecRlimit[] {
  return limits.map(({ type, soft, hard }) => {
    const held = hardLimit(procLimits, type);
    return { type, soft: Math.min(soft, held), hard: Math.min(hard, held) };
  });
}

const rows: Readonly<Record<string, string>> = {
  RLIMIT_NOFILE: "Max open files",
  RLIMIT_CORE: "Max core file size",
};

/** `Max open files            1024                 524288               files`; what is not told is no obstacle. */
function hardLimit(procLimits: string, type: string): number {
  const row = rows[type];
  const line = procLimits.split("\n").find((each) => row !== undefined && each.startsWith(row));
  const text = row === undefined ? undefined : line?.slice(row.length).trim().split(/\s+/)[1];
  return text === undefined || text === "unlimited" ? infinity : Number(text);
}
