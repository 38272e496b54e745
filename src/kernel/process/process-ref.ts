import { readFileSync } from "node:fs";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Pid } from "../../ids/process.ts";
import { OwnedFd } from "../owned-fd.ts";
import type { Kernel } from "../port.ts";

/** A process that must be told from a later one with the same number. */
export interface ProcessRef {
  readonly pid: Pid;
  /** Clock ticks since boot, /proc/PID/stat field 22. */
  readonly startTime: bigint;
}

type ProcessKernel = Pick<Kernel, "processStatus" | "pidfdOpen" | "pidfdSendSignal" | "close">;

/** The process of this number as it is now; undefined when there is none. */
export function processRef(kernel: Pick<Kernel, "processStatus">, pid: Pid): ProcessRef | undefined {
  const status = kernel.processStatus(pid);
  return status === undefined ? undefined : { pid, startTime: status.startTime };
}

/** Whether the process is gone or only waits to be reaped. A later one of the same number is not it. */
export function hasEnded(kernel: Pick<Kernel, "processStatus">, { pid, startTime }: ProcessRef): boolean {
  const status = kernel.processStatus(pid);
  return status === undefined || status.startTime !== startTime || status.state === "Z" || status.state === "X";
}

/**
 * Sends a signal to this process and no other: its start time is looked at through a pidfd that already holds it.
 * @returns false when it has ended.
 */
export function signalProcess(kernel: ProcessKernel, process: ProcessRef, signal: number): boolean {
  try {
    using pidfd = new OwnedFd(kernel, kernel.pidfdOpen(process.pid));
    if (hasEnded(kernel, process)) return false;
    kernel.pidfdSendSignal(pidfd.fd, signal);
    return true;
  } catch (error) {
    // EINVAL: the number is a thread's.
    if (hasErrno(error, "ESRCH", "EINVAL")) return false;
    throw error;
  }
}

/** The children of a process that has one thread, as a monitor has. Empty when it is gone. */
export function childrenOf(kernel: Pick<Kernel, "processStatus">, { pid }: ProcessRef): readonly ProcessRef[] {
  return readProc(`/proc/${pid}/task/${pid}/children`)
    .split(" ")
    .filter((text) => text !== "")
    .flatMap((text) => processRef(kernel, Number(text) as Pid) ?? []);
}

/** Where in the kernel it waits, for messages. */
export function waitChannel(pid: Pid | undefined): string {
  if (pid === undefined) return "an unknown place";
  return readProc(`/proc/${pid}/wchan`) || "user space";
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ESRCH")) return "";
    throw error;
  }
}
