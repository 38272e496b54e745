import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { TimeSlice } from "../../observe/time-slice.ts";
import type { ProcessCounts } from "../port.ts";

/** Descriptors looked at between two looks at the clock: a process may have a million. */
const batch = 500;

/** Counts what the processes of a container hold open, from /proc; one that ends meanwhile counts for nothing. */
export async function countProcesses(
  pids: readonly number[],
  first: number | undefined,
  slice: TimeSlice,
): Promise<ProcessCounts> {
  let fileDescriptors = 0n;
  let sockets = 0n;
  for (const pid of pids) {
    const directory = `/proc/${pid}/fd`;
    const names = orGone(() => readdirSync(directory)) ?? [];
    for (const [index, name] of names.entries()) {
      if (index % batch === 0) await slice.turn();
      if (orGone(() => readlinkSync(`${directory}/${name}`))?.startsWith("socket:")) sockets += 1n;
    }
    fileDescriptors += BigInt(names.length);
    await slice.turn();
  }
  const openFilesLimit = first === undefined ? undefined : readOpenFilesLimit(first);
  return { processes: BigInt(pids.length), fileDescriptors, sockets, openFilesLimit };
}

/** `Max open files            1024                 524288               files`: soft, then hard (proc_pid_limits(5)). */
function readOpenFilesLimit(pid: number): bigint | undefined {
  const text = orGone(() => readFileSync(`/proc/${pid}/limits`, "utf8"));
  const soft = /^Max open files\s+(\d+)/m.exec(text ?? "")?.[1];
  return soft === undefined ? undefined : BigInt(soft);
}

function orGone<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ESRCH", "EACCES"].includes(String(error.code)))
      return undefined;
    throw error;
  }
}
