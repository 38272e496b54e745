import { internal } from "../errors/crib-error.ts";

/**
 * Field 22 of /proc/PID/stat (proc(5)): clock ticks since boot at which the process started. The name in field 2 is the
 * process's own choice, brackets and spaces included, so fields are counted from its last bracket.
 */
export function parseStartTime(stat: string): bigint {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields[19];
  if (ticks === undefined || !/^\d+$/.test(ticks)) throw internal(`cannot read /proc/PID/stat ${JSON.stringify(stat)}`);
  return BigInt(ticks);
}
