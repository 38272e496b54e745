import { readdirSync, readFileSync } from "node:fs";
import { hasErrno } from "../errors/has-errno.ts";
import type { Pid } from "../ids/process.ts";
import type { Kernel } from "../kernel/port.ts";

/** Who holds a daemon's lock, as the lock file says. */
export interface LockOwner {
  readonly pid: Pid;
  /** undefined: written by an older crib. */
  readonly startTime: bigint | undefined;
  readonly bootId: string | undefined;
}

/** undefined when the file says nothing that can be read. */
export function parseLockOwner(text: string): LockOwner | undefined {
  const match = /^([1-9]\d*)(?: (\d+) (\S+))?\n?$/.exec(text);
  if (match?.[1] === undefined) return undefined;
  return {
    pid: Number(match[1]) as Pid,
    startTime: match[2] === undefined ? undefined : BigInt(match[2]),
    bootId: match[3],
  };
}

export function formatLockOwner({ pid, startTime, bootId }: LockOwner): string {
  return `${pid} ${startTime ?? 0n} ${bootId ?? "-"}\n`;
}

/** Whether the process is gone or about to be reaped. Asks nothing of its memory, which a hung one would hold up. */
export function hasLeft(kernel: Pick<Kernel, "processStatus">, { pid, startTime }: LockOwner): boolean {
  const status = kernel.processStatus(pid);
  if (status === undefined || (startTime !== undefined && status.startTime !== startTime)) return true;
  return status.state === "Z" && liveTasks(pid).length === 0;
}

/**
 * Whether the process was killed and only waits in the kernel, for a file system that does not answer: it will not run another
 * instruction of its own, but keeps what it has open, locks included, until the kernel lets it go.
 */
export function isKilledButStuck(kernel: Pick<Kernel, "processStatus">, owner: LockOwner): boolean {
  const status = kernel.processStatus(owner.pid);
  // Without a start time nobody knows whether the number is still the owner's.
  if (status === undefined || owner.startTime === undefined || status.startTime !== owner.startTime) return false;
  const tasks = liveTasks(owner.pid);
  return tasks.length > 0 && tasks.every(isKilled);
}

/** /proc/PID/task/TID/status of each thread that has not ended. */
function liveTasks(pid: Pid): readonly string[] {
  return listed(`/proc/${pid}/task`)
    .map((tid) => read(`/proc/${pid}/task/${tid}/status`))
    .filter((status) => status !== "" && !/^State:\s+[ZX]/m.test(status));
}

/** SIGKILL is pending for the thread itself, as it is for every thread once the process was sent it. */
function isKilled(status: string): boolean {
  const pending = /^SigPnd:\s+([0-9a-f]+)$/m.exec(status)?.[1];
  return pending !== undefined && (BigInt(`0x${pending}`) & (1n << 8n)) !== 0n;
}

function listed(path: string): readonly string[] {
  return orNothing(() => readdirSync(path)) ?? [];
}

function read(path: string): string {
  return orNothing(() => readFileSync(path, "latin1")) ?? "";
}

function orNothing<Found>(look: () => Found): Found | undefined {
  try {
    return look();
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}
