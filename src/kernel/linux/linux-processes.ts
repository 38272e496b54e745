import { readFileSync } from "node:fs";
import { invalidArgument } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Fd, Pid } from "../../ids/process.ts";
import type { ProcessCalls, ProcessStatus } from "../port.ts";
import { parseProcessStatus } from "../process/proc-stat.ts";
import { Rlimit } from "../rlimits.ts";
import { cString } from "./c-string.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";
import { withFailure } from "./linux-failure.ts";

const POLLIN = 1;

export function processCalls(calls: Calls): ProcessCalls {
  const { libc, shim, checked } = calls;
  return {
    sealedMemfd(name, bytes) {
      return withFailure((record) => shim.crib_sealed_memfd(cString(name, "memfd name"), bytes, bytes, record)) as Fd;
    },
    pidfdOpen: (pid) => checkedShim(shim.crib_pidfd_open(pid), "pidfd_open", String(pid)) as Fd,
    pidfdSendSignal(pidfd, signal) {
      checkedShim(shim.crib_pidfd_send_signal(pidfd, signal), "pidfd_send_signal", String(pidfd));
    },
    kill(pid, signal) {
      // 0 and negative numbers mean process groups, or everything there is: never by an accident of arithmetic.
      if (pid <= 0) throw invalidArgument(`pid ${pid} names no single process`);
      checked(libc.kill(pid, signal), "kill", String(pid));
    },
    pidfdExited: (pidfd) => readable(calls, pidfd),
    processStartTime: (pid) => readStatus(pid)?.startTime,
    processStatus: readStatus,
    getpid: () => libc.getpid() as Pid,
    raiseOpenFileLimit: () => raiseOpenFileLimit(calls),
  };
}

/** A pidfd is readable from the moment its process has ended. */
function readable({ libc, errno }: Calls, fd: Fd): boolean {
  const poll = new DataView(new ArrayBuffer(8));
  poll.setInt32(0, fd, true);
  poll.setInt16(4, POLLIN, true);
  for (;;) {
    if (libc.poll(poll, 1, 0) >= 0) return (poll.getInt16(6, true) & POLLIN) !== 0;
    const failure = errno();
    if (failure !== Errno.EINTR) throw new ErrnoError(failure, "poll", String(fd));
  }
}

function readStatus(pid: Pid): ProcessStatus | undefined {
  try {
    return parseProcessStatus(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch (error) {
    // ESRCH: the process ended between open and read.
    if (hasErrno(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

function raiseOpenFileLimit({ libc, checked }: Calls): number {
  const limit = new DataView(new ArrayBuffer(16));
  checked(libc.getrlimit(Rlimit.RLIMIT_NOFILE, limit), "getrlimit");
  limit.setBigUint64(0, limit.getBigUint64(8, true), true);
  checked(libc.setrlimit(Rlimit.RLIMIT_NOFILE, limit), "setrlimit");
  return Number(limit.getBigUint64(0, true));
}
