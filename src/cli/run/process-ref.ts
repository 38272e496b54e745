import { readFileSync } from "node:fs";
import { parseStartTime } from "../../kernel/process/proc-stat.ts";

/** A process by its pid and the clock tick it started at, so that a later one with the same number is told apart. */
export function processRefOf(pid: number): string {
  return `${pid}-${startTime(pid) ?? 0n}`;
}

export function processRefLives(reference: string): boolean {
  const [pid, ticks] = reference.split("-");
  return ticks !== undefined && /^\d+$/.test(ticks) && startTime(Number(pid)) === BigInt(ticks);
}

/** undefined when there is no such process, or only its exit code waiting for its parent. */
function startTime(pid: number): bigint | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const state = stat.charAt(stat.lastIndexOf(")") + 2);
    return state === "Z" || state === "X" ? undefined : parseStartTime(stat);
  } catch {
    return undefined;
  }
}
