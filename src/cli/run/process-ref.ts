import { readFileSync } from "node:fs";
import { parseStartTime } from "../../kernel/proc-stat.ts";

/** A process by its pid and the clock tick it started at, so that a later one with the same number is told apart. */
export function processRefOf(pid: number): string {
  return `${pid}-${startTime(pid) ?? 0n}`;
}

export function processRefLives(reference: string): boolean {
  const [pid, ticks] = reference.split("-");
  return ticks !== undefined && /^\d+$/.test(ticks) && startTime(Number(pid)) === BigInt(ticks);
}

function startTime(pid: number): bigint | undefined {
  try {
    return parseStartTime(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined;
  }
}
