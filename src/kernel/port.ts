import type { Fd, Pid } from "../ids/process.ts";
import type { FileOperation, FileOutcome } from "./file-operations.ts";

/**
 * The kernel as crib sees it: one interface, two adapters.
 *
 * `linux.ts` is the real one; it and its parts `linux-*.ts` are the only importers of `bun:ffi`. `recording.ts` writes calls
 * down for unit tests that need no root. Every call but the `AsideCalls` is synchronous and short (an FFI call blocks the
 * event loop): what may wait is one of those, or belongs in a Worker or the monitor. Every failure is an `ErrnoError` naming the call and
 * the path. Every descriptor made here is close-on-exec. Strings with NUL bytes are refused before the call.
 */
export interface Kernel
  extends FileCalls,
    TreeCalls,
    MountCalls,
    SocketCalls,
    ProcessCalls,
    SeccompCalls,
    CgroupCalls,
    MemoryCalls,
    AsideCalls {}

/** `struct open_how` of openat2(2); `resolve` is a mask of `RESOLVE_*` (resolve-flags.ts). */
export interface OpenHow {
  readonly flags: number;
  readonly mode?: number;
  readonly resolve: number;
}

/** What crib reads of statx(2) or fstat(2). Times are nanoseconds since the epoch. */
export interface FileStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: bigint;
  readonly inode: bigint;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly links: number;
  readonly mtimeNs: bigint;
  readonly blocks512: bigint;
}

/** statfs(2); sizes in bytes. */
export interface FilesystemStat {
  readonly type: number;
  readonly totalBytes: bigint;
  readonly availableBytes: bigint;
  readonly totalInodes: bigint;
  readonly freeInodes: bigint;
}

/** `dir` may be `AT_FDCWD`. Paths are relative to it unless absolute. O_CLOEXEC is always added. */
export interface FileCalls {
  open(path: string, flags: number, mode?: number): Fd;
  openat(dir: Fd, path: string, flags: number, mode?: number): Fd;
  /** Retries EAGAIN (a rename raced the resolution) a bounded number of times. */
  openat2(dir: Fd, path: string, how: OpenHow): Fd;
  close(fd: Fd): void;
  read(fd: Fd, into: Uint8Array): number;
  /** Writes all of `bytes`, however many calls it takes. */
  writeAll(fd: Fd, bytes: Uint8Array): void;
  fstat(fd: Fd): FileStat;
  /** lstat semantics: AT_SYMLINK_NOFOLLOW. */
  lstatat(dir: Fd, path: string): FileStat;
  statfs(path: string): FilesystemStat;
  readlinkat(dir: Fd, path: string): string;
  /**
   * The next names of a directory opened for reading, without `.` and `..`, as many as fit 32 KiB: a directory of a
   * million costs no more at once than one of a thousand. None: its end.
   */
  nextNames(dir: Fd): readonly Uint8Array[];
  mkdirat(dir: Fd, path: string, mode: number): void;
  mknodat(dir: Fd, path: string, mode: number, major: number, minor: number): void;
  symlinkat(target: string, dir: Fd, path: string): void;
  /** Never follows: no AT_SYMLINK_FOLLOW. */
  linkat(fromDir: Fd, from: string, toDir: Fd, to: string): void;
  /** `directory` → AT_REMOVEDIR. */
  unlinkat(dir: Fd, path: string, directory: boolean): void;
  renameat2(fromDir: Fd, from: string, toDir: Fd, to: string, flags: number): void;
  fchown(fd: Fd, uid: number, gid: number): void;
  /** AT_SYMLINK_NOFOLLOW. */
  lchownat(dir: Fd, path: string, uid: number, gid: number): void;
  fchmod(fd: Fd, mode: number): void;
  futimens(fd: Fd, atimeNs: bigint, mtimeNs: bigint): void;
  /** AT_SYMLINK_NOFOLLOW. */
  lutimensat(dir: Fd, path: string, atimeNs: bigint, mtimeNs: bigint): void;
  fsetxattr(fd: Fd, name: string, value: Uint8Array): void;
  /** For links and devices, which cannot be opened for writing; `path` is relative to `dir` and never followed. */
  lsetxattrat(dir: Fd, path: string, name: string, value: Uint8Array): void;
  ftruncate(fd: Fd, length: bigint): void;
  fsync(fd: Fd): void;
  /** Flushes the whole filesystem `fd` lives on. Call it off the main thread. */
  syncfs(fd: Fd): void;
  /** flock(2) LOCK_EX|LOCK_NB; false when another open file holds it. A shared lock of this one is given up either way. */
  tryLockExclusive(fd: Fd): boolean;
  /** flock(2) LOCK_SH|LOCK_NB; false when another open file holds it alone. */
  tryLockShared(fd: Fd): boolean;
  umask(mask: number): number;
}

export interface TreeCalls {
  /**
   * Starts to measure what a directory tree uses, on a thread of its own. @returns a pipe, not blocking, to which the answer
   * comes (`pods/stats/measure-tree.ts` reads it); the caller closes it, also before.
   */
  measureTreeAside(path: string, limits: { readonly maxEntries: number; readonly maxMs: number }): Fd;
  /**
   * Starts to remove `name` in the directory `parent`, whatever it is, on a thread of its own and following no link; absent is
   * success. @returns a pipe, not blocking, to which the answer comes (`layers/remove-tree.ts` reads it); the caller closes it.
   */
  removeTreeAside(parent: Fd, name: string): Fd;
}

export interface MountCalls {
  mount(source: string, target: string, type: string, flags: number, data: string): void;
  /** Waits for a grace period: the daemon does it aside (`filesAside`). */
  umount(target: string, flags: number): void;
  /**
   * A read-only overlay of `lowerDirs` (top first) that is attached nowhere: the descriptor is its root and
   * closing it is its unmount. One lower directory gives a detached bind of it.
   */
  openOverlayView(lowerDirs: readonly string[]): Fd;
  /**
   * The EROFS image `index`, whose files' content is in `archive`, read-only and attached nowhere: the descriptor is its root, and
   * the mount lasts as long as the descriptor or anything that was made from it. Call it off the main thread.
   */
  mountLayer(index: string, archive: string): Fd;
}

export interface SocketCalls {
  socket(domain: number, type: number, protocol: number): Fd;
  /** Two connected unix stream sockets; the first does not block. */
  socketPair(): readonly [Fd, Fd];
  /**
   * A non-blocking TCP socket that is connecting to `port` of the loopback address, in another network namespace or (undefined)
   * in the caller's. Ask `isConnected` before using it.
   */
  connectLoopback(netns: Fd | undefined, ipVersion: 4 | 6, port: number): Fd;
  /** Whether a connecting socket is connected yet; throws what its connect ended with. */
  isConnected(fd: Fd): boolean;
  /** With NETLINK_EXT_ACK on: the kernel says in words why it refuses. */
  bindNetlink(fd: Fd, groups: number): void;
  /**
   * Sends from a thread of its own and forgets: for a netlink request that the kernel works on for tens of milliseconds
   * inside the call and whose answer is not waited for. `fd` may be closed at once.
   */
  sendAside(fd: Fd, bytes: Uint8Array): void;
  /**
   * Connects to the unix socket `path` on a thread of its own, sends `bytes` with `descriptor`, and hands on whatever is
   * answered. @returns a pipe, not blocking, which ends with the conversation or after `timeoutMs`; the caller closes it.
   */
  converseAside(path: string, bytes: Uint8Array, descriptor: Fd, timeoutMs: number): Fd;
  /** One datagram to a unix socket by its path, or its abstract name after an `@` (sd_notify(3)). */
  sendUnixDatagram(path: string, bytes: Uint8Array): void;
  /** A listening unix stream socket at `path`, mode 0600 from the first instant (umask around bind). */
  listenUnix(path: string, backlog: number): Fd;
}

export interface ProcessCalls {
  /** A sealed (F_SEAL_*) memfd holding `bytes`: executable, never writable again. */
  sealedMemfd(name: string, bytes: Uint8Array): Fd;
  pidfdOpen(pid: Pid): Fd;
  pidfdSendSignal(pidfd: Fd, signal: number): void;
  kill(pid: Pid, signal: number): void;
  /** Whether the process behind the pidfd has ended (poll, no waiting). */
  pidfdExited(pidfd: Fd): boolean;
  /** Clock ticks since boot at which the process started (field 22 of /proc/PID/stat): tells a reused pid. */
  processStartTime(pid: Pid): bigint | undefined;
  /** What /proc/PID/stat says of a process; undefined when there is none of this number. */
  processStatus(pid: Pid): ProcessStatus | undefined;
  getpid(): Pid;
  /** RLIMIT_NOFILE of this process to its hard limit; returns the new soft limit. */
  raiseOpenFileLimit(): number;
}

/** One netlink request, and what ends its answer: DONE or ERROR of `last`, or ERROR of `other`. */
export interface NetlinkExchange {
  readonly datagram: Uint8Array;
  readonly first: number;
  readonly last: number;
  readonly other: number;
  readonly timeoutMs: number;
}

/**
 * What may wait, made by threads beside the event loop (ffi/libcrib/jobs.c). Where the kernel does not answer at all the promise is
 * rejected with deadline-exceeded; the call may still be made then.
 */
export interface AsideCalls {
  /** In this order, up to the first that comes out otherwise than expected; @returns what came of each that was done. */
  filesAside(operations: readonly FileOperation[]): Promise<readonly FileOutcome[]>;
  /** @returns all messages of the answer, one after another. `what` names it in errors. */
  exchangeAside(fd: Fd, exchange: NetlinkExchange, what: string): Promise<Uint8Array>;
  /** A netlink socket made in another network namespace, bound. */
  netlinkAside(netns: Fd, protocol: number): Promise<Fd>;
  /**
   * Runs the static executable behind `executable` with `argv` and an empty environment, cwd `/`, in a new session,
   * detached: it is reparented to init, this process never has to reap it. `fds[i]` becomes descriptor 3+i; 0, 1, 2 are
   * /dev/null; nothing else is inherited. All of them may be closed at once. Resolves with the pid in the host's namespace.
   */
  spawnDetached(executable: Fd, argv: readonly string[], fds: readonly Fd[]): Promise<Pid>;
}

/** Of /proc/PID/stat (proc(5)). */
export interface ProcessStatus {
  readonly startTime: bigint;
  /** `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`: Z and X have ended. */
  readonly state: string;
  /** As waitpid(2) would tell it; only of an ended process, and 0 where the kernel does not tell us. */
  readonly waitStatus: number;
}

export interface SeccompCalls {
  /**
   * Compiles a seccomp profile (OCI runtime-spec `linux.seccomp`, already reduced to what applies here) with libseccomp.
   * Returns the BPF program as `struct sock_filter[]` bytes. About 9 ms for the default profile: cache by hash.
   */
  compileSeccomp(profile: SeccompProfile): Uint8Array;
}

export interface CgroupCalls {
  /**
   * Replaces the BPF_CGROUP_DEVICE program of the v2 group at `directory` by `program` (`struct bpf_insn[]`); there is no
   * moment without one.
   */
  attachDeviceProgram(directory: string, program: Uint8Array): void;
}

/** OCI runtime-spec config-linux.md#seccomp, validated: names known to libseccomp or dropped, actions from its table. */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly flags: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args: readonly {
    readonly index: number;
    readonly value: bigint;
    readonly valueTwo: bigint;
    readonly op: string;
  }[];
}

export interface MemoryCalls {
  /**
   * Gives back the resident pages of code and constants that are unchanged copies of their files (madvise(2) MADV_DONTNEED): what
   * is needed again is mapped again from the page cache. Most of what is mapped was needed once. Returns the KiB released.
   */
  releaseCleanFilePages(): number;
}
