import { internal } from "../../errors/crib-error.ts";
import type { ProcessStatus } from "../port.ts";

/** Places of the fields behind the name; proc(5) counts the process' number as 1 and its state as 3. */
const stateField = 0;
const startTimeField = 19;
const waitStatusField = 49;

/**
 * /proc/PID/stat (proc(5)). The name in field 2 is the process's own choice, brackets and spaces included, so fields are
 * counted from its last bracket.
 */
export function parseProcessStatus(stat: string): ProcessStatus {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields[startTimeField];
  const state = fields[stateField];
  if (ticks === undefined || state === undefined || !/^\d+$/.test(ticks)) {
    throw internal(`cannot read /proc/PID/stat ${JSON.stringify(stat)}`);
  }
  return { startTime: BigInt(ticks), state, waitStatus: Number(fields[waitStatusField] ?? 0) };
}

/** Field 22: clock ticks since boot at which the process started. */
export function parseStartTime(stat: string): bigint {
  return parseProcessStatus(stat).startTime;
}
