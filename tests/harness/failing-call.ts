import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Errno } from "../../src/errors/errno.ts";

/** One call that fails once, as tests/fixtures/fail-syscall.c takes its order. */
export interface FailingCall {
  /** The monitor itself, or the processes that it makes, until their execve. */
  readonly whose: "monitor" | "stages";
  readonly name: string;
  /** What the second argument must be (the command of fcntl and epoll_ctl), of reads and writes 1 for a file; -1: anything. */
  readonly second: number;
  /** From 1. */
  readonly occurrence: number;
  readonly errno: keyof typeof Errno;
}

interface Failure {
  readonly number: number;
  readonly errnos: readonly (keyof typeof Errno)[];
  /** Only with these second arguments. */
  readonly seconds?: readonly number[];
}

const memory = ["ENOMEM"] as const;
const descriptors = ["EMFILE", "ENOMEM"] as const;
const mountCalls = ["EMFILE", "ENOMEM", "ENOSPC"] as const;
const space = ["ENOSPC", "EIO"] as const;
const opening = ["EMFILE", "ENOMEM", "EINTR", "EIO", "ENOSPC"] as const;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const EPOLL_CTL_ADD = 1;
/** What fail-syscall tells of a read or write of a file: those of pipes and sockets that do not block cannot fail so. */
const file = 1;

/**
 * What can fail though it is called rightly, and how. Not here is what cannot: close_range, getpid, kill of a child that is
 * not reaped, lseek of a file, prctl, rt_sig*, setsid, shutdown, timerfd_settime, umask.
 */
const failures: Readonly<Record<string, Failure>> = {
  read: { number: 0, errnos: ["EIO", "ENOMEM"], seconds: [file] },
  write: { number: 1, errnos: ["EINTR", "EIO", "ENOSPC"], seconds: [file] },
  open: { number: 2, errnos: opening },
  close: { number: 3, errnos: ["EINTR", "EIO"] },
  fstat: { number: 5, errnos: ["EIO"] },
  poll: { number: 7, errnos: ["EINTR", "ENOMEM"] },
  mmap: { number: 9, errnos: memory },
  mprotect: { number: 10, errnos: memory },
  munmap: { number: 11, errnos: memory },
  brk: { number: 12, errnos: memory },
  pwrite64: { number: 18, errnos: ["EIO"] },
  ioctl: { number: 16, errnos: ["ENOMEM", "EIO"] },
  writev: { number: 20, errnos: ["EINTR", "EIO", "ENOSPC"] },
  mremap: { number: 25, errnos: memory },
  madvise: { number: 28, errnos: memory },
  dup2: { number: 33, errnos: ["EMFILE"] },
  socket: { number: 41, errnos: descriptors },
  sendto: { number: 44, errnos: ["ENOMEM", "EINTR"] },
  recvfrom: { number: 45, errnos: ["ENOMEM", "EINTR"] },
  sendmsg: { number: 46, errnos: ["ENOMEM", "EINTR"] },
  recvmsg: { number: 47, errnos: ["ENOMEM", "EINTR"] },
  socketpair: { number: 53, errnos: descriptors },
  setsockopt: { number: 54, errnos: memory },
  getsockopt: { number: 55, errnos: memory },
  clone: { number: 56, errnos: ["ENOMEM", "EAGAIN"] },
  execve: { number: 59, errnos: ["ENOMEM", "EIO"] },
  fcntl: { number: 72, errnos: ["EMFILE", "ENOMEM"], seconds: [F_DUPFD_CLOEXEC, F_SETPIPE_SZ] },
  fsync: { number: 74, errnos: space },
  ftruncate: { number: 77, errnos: ["EIO", "EINTR"] },
  chdir: { number: 80, errnos: ["ENOMEM", "EIO"] },
  fchdir: { number: 81, errnos: ["ENOMEM", "EIO"] },
  rename: { number: 82, errnos: space },
  mkdir: { number: 83, errnos: space },
  readlink: { number: 89, errnos: ["ENOMEM", "EIO"] },
  fchmod: { number: 91, errnos: ["EIO"] },
  setgroups: { number: 116, errnos: memory },
  setresuid: { number: 117, errnos: ["ENOMEM", "EAGAIN"] },
  setresgid: { number: 119, errnos: memory },
  capset: { number: 126, errnos: memory },
  statfs: { number: 137, errnos: ["EIO"] },
  fstatfs: { number: 138, errnos: ["EIO"] },
  pivot_root: { number: 155, errnos: memory },
  mount: { number: 165, errnos: mountCalls },
  umount2: { number: 166, errnos: memory },
  sethostname: { number: 170, errnos: memory },
  epoll_wait: { number: 232, errnos: ["EINTR"] },
  epoll_ctl: { number: 233, errnos: ["ENOMEM", "ENOSPC"], seconds: [EPOLL_CTL_ADD] },
  waitid: { number: 247, errnos: ["EINTR"] },
  keyctl: { number: 250, errnos: memory },
  openat: { number: 257, errnos: opening },
  mkdirat: { number: 258, errnos: space },
  mknodat: { number: 259, errnos: space },
  fchownat: { number: 260, errnos: space },
  newfstatat: { number: 262, errnos: ["EIO"] },
  unlinkat: { number: 263, errnos: ["EIO"] },
  renameat: { number: 264, errnos: space },
  symlinkat: { number: 266, errnos: space },
  readlinkat: { number: 267, errnos: ["EIO"] },
  fchmodat: { number: 268, errnos: ["EIO"] },
  unshare: { number: 272, errnos: ["ENOMEM", "ENOSPC"] },
  epoll_pwait: { number: 281, errnos: ["EINTR"] },
  timerfd_create: { number: 283, errnos: descriptors },
  accept4: { number: 288, errnos: ["EMFILE", "ENOMEM", "EINTR"] },
  signalfd4: { number: 289, errnos: descriptors },
  epoll_create1: { number: 291, errnos: descriptors },
  dup3: { number: 292, errnos: ["EMFILE"] },
  pipe2: { number: 293, errnos: descriptors },
  renameat2: { number: 316, errnos: space },
  setns: { number: 308, errnos: memory },
  seccomp: { number: 317, errnos: memory },
  memfd_create: { number: 319, errnos: descriptors },
  execveat: { number: 322, errnos: ["ENOMEM", "EIO"] },
  pidfd_send_signal: { number: 424, errnos: ["EINTR"] },
  open_tree: { number: 428, errnos: mountCalls },
  move_mount: { number: 429, errnos: mountCalls },
  fsopen: { number: 430, errnos: mountCalls },
  fsconfig: { number: 431, errnos: mountCalls },
  fsmount: { number: 432, errnos: mountCalls },
  pidfd_open: { number: 434, errnos: descriptors },
  clone3: { number: 435, errnos: ["ENOMEM", "EAGAIN", "ENOSPC"] },
  openat2: { number: 437, errnos: ["EMFILE", "ENOMEM", "EIO"] },
  mount_setattr: { number: 442, errnos: mountCalls },
};

const nameOf = new Map(Object.entries(failures).map(([name, { number }]) => [number, name]));

/** Written where fail-syscall finds it; none: nothing fails and every call is told. All are of the same processes. */
export function writeOrder(directory: string, program: string, ...calls: readonly FailingCall[]): void {
  const failing = calls.map(({ name, second, occurrence, errno }) => [
    failures[name]?.number ?? 0,
    second,
    occurrence,
    Errno[errno],
  ]);
  const order = [program, calls[0]?.whose ?? "monitor", ...(failing.length === 0 ? [0, -1, 0, 0] : failing.flat()), ""];
  writeFileSync(join(directory, "fail-syscall"), order.join("\n"));
}

export interface SyscallLog {
  readonly met: boolean;
  /** How many calls failed. */
  readonly failed: number;
  /** "exited 0", "killed 9"; undefined while it lives. */
  readonly end: string | undefined;
}

export function readSyscallLog(directory: string): SyscallLog {
  const lines = readFileSync(join(directory, "fail-syscall.log"), "utf8").split("\n");
  const failed = lines.filter((line) => line === "failed").length;
  return { met: failed > 0, failed, end: lines.find((line) => /^(exited|killed) /.test(line)) };
}

export interface Calls {
  readonly failing: readonly FailingCall[];
  /** Numbers of the calls that are made and of which nothing is known to fail. */
  readonly others: readonly number[];
}

/** Every call of a life in which nothing failed, with every errno it may fail with. */
export function callsOf(directory: string): Calls {
  const counts = new Map<string, number>();
  const others = new Set<number>();
  const failing: FailingCall[] = [];
  for (const line of readFileSync(join(directory, "fail-syscall.log"), "utf8").split("\n")) {
    const [, who = "", number = "", second = ""] = /^call (monitor|stages) (\d+) (-?\d+)$/.exec(line) ?? [];
    if (who === "") continue;
    const name = nameOf.get(Number(number));
    const failure = name === undefined ? undefined : failures[name];
    if (name === undefined || failure === undefined) {
      others.add(Number(number));
      continue;
    }
    if (failure.seconds !== undefined && !failure.seconds.includes(Number(second))) continue;
    const key = `${who} ${name} ${failure.seconds === undefined ? -1 : second}`;
    const occurrence = (counts.get(key) ?? 0) + 1;
    counts.set(key, occurrence);
    for (const errno of failure.errnos)
      failing.push({
        whose: who === "monitor" ? "monitor" : "stages",
        name,
        second: failure.seconds === undefined ? -1 : Number(second),
        occurrence,
        errno,
      });
  }
  return { failing, others: [...others].toSorted((a, b) => a - b) };
}

export function describeCall({ whose, name, second, occurrence, errno }: FailingCall): string {
  return `${whose} ${name}${second < 0 ? "" : `(${second})`} #${occurrence} ${errno}`;
}
