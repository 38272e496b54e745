import { readFileSync, readlinkSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { hasErrno } from "../../errors/has-errno.ts";
import type { TimeSlice } from "../../observe/time-slice.ts";
import type { ProcessCounts } from "../port.ts";

/** Descriptors looked at between two looks at the clock. */
const batch = 200;
/** Descriptors of a container that are looked at one by one; a single process may have a million. */
const mostLookedAt = 10_000;

/** Counts what the processes of a container hold open, from /proc; one that ends meanwhile counts for nothing. */
export async function countProcesses(
  pids: readonly number[],
  first: number | undefined,
  slice: TimeSlice,
): Promise<ProcessCounts> {
  let fileDescriptors = 0n;
  let sockets: bigint | undefined = 0n;
  let lookedAt = 0;
  for (const pid of pids) {
    const count = orGone(() => statSync(`/proc/${pid}/fd`).size) ?? 0;
    // Before Linux 6.2 the size says nothing.
    const names: readonly string[] = count > mostLookedAt - lookedAt ? [] : await listDescriptors(pid);
    if (count > 0 && names.length === 0) sockets = undefined;
    fileDescriptors += BigInt(count === 0 ? names.length : count);
    lookedAt += names.length;
    if (lookedAt > mostLookedAt) sockets = undefined;
    if (sockets !== undefined) sockets += await countSockets(pid, names, slice);
    await slice.turn();
  }
  const openFilesLimit = first === undefined ? undefined : readOpenFilesLimit(first);
  return { processes: BigInt(pids.length), fileDescriptors, sockets, openFilesLimit };
}

async function listDescriptors(pid: number): Promise<readonly string[]> {
  try {
    // Off the event loop: before Linux 6.2 there may be any number.
    return await readdir(`/proc/${pid}/fd`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

async function countSockets(pid: number, names: readonly string[], slice: TimeSlice): Promise<bigint> {
  let sockets = 0n;
  for (const [index, name] of names.entries()) {
    if (index % batch === batch - 1) await slice.turn();
    if (orGone(() => readlinkSync(`/proc/${pid}/fd/${name}`))?.startsWith("socket:")) sockets += 1n;
  }
  return sockets;
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
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return hasErrno(error, "ENOENT", "ESRCH", "EACCES");
}
