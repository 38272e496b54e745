import { readdirSync, readFileSync } from "node:fs";

/** What a process holds of the machine at one moment. */
export interface ProcessUse {
  readonly rssKib: number;
  readonly descriptors: number;
  readonly threads: number;
}

export function processUse(pid: number): ProcessUse {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { rssKib: field("VmRSS"), threads: field("Threads"), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Proportional set size: shared pages are counted once over all who share them. */
export function pssKib(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
}
