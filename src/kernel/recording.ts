import type { Fd, Pid } from "../ids/process.ts";
import { cString } from "./linux/c-string.ts";
import type { FileStat, FilesystemStat, Kernel } from "./port.ts";

/** One call as it was made. */
export interface RecordedCall {
  readonly name: keyof Kernel;
  readonly args: readonly unknown[];
}

/** A fake for unit tests that need no root. */
export interface RecordingKernel extends Kernel {
  readonly calls: readonly RecordedCall[];
  /** Descriptors handed out and not closed: a test of anything that opens ends with this being empty. */
  readonly openFds: ReadonlySet<Fd>;
  /** The arguments of every call of `name`, oldest first. */
  argumentsOf(name: keyof Kernel): readonly (readonly unknown[])[];
}

const emptyStat: FileStat = Object.freeze({
  mode: 0o100644,
  uid: 0,
  gid: 0,
  size: 0n,
  inode: 1n,
  deviceMajor: 0,
  deviceMinor: 0,
  rdevMajor: 0,
  rdevMinor: 0,
  links: 1,
  mtimeNs: 0n,
  blocks512: 0n,
});

const emptyFilesystem: FilesystemStat = Object.freeze({
  type: 0,
  totalBytes: 0n,
  availableBytes: 0n,
  totalInodes: 0n,
  freeInodes: 0n,
});

/**
 * Writes every call down and answers with success and nothing to see; `answers` replaces single calls, whose arguments are
 * still recorded. What the real adapter refuses before any system call (NUL bytes) is refused here too.
 */
export function createRecordingKernel(answers: Partial<Kernel> = {}): RecordingKernel {
  const calls: RecordedCall[] = [];
  const openFds = new Set<Fd>();
  const merged: Kernel = { ...defaultAnswers(openFds), ...answers };
  const recording = Object.fromEntries(
    (Object.keys(merged) as (keyof Kernel)[]).map((name) => [
      name,
      (...args: unknown[]) => {
        for (const arg of args) if (typeof arg === "string") cString(arg, name);
        calls.push({ name, args });
        return Reflect.apply(merged[name], merged, args);
      },
    ]),
  ) as unknown as Kernel;
  return {
    ...recording,
    calls,
    openFds,
    argumentsOf: (name) => calls.filter((call) => call.name === name).map((call) => call.args),
  };
}

function defaultAnswers(openFds: Set<Fd>): Kernel {
  let next = 1000;
  const open = (): Fd => {
    const fd = next as Fd;
    next += 1;
    openFds.add(fd);
    return fd;
  };
  const nothing = (): void => undefined;
  return {
    open,
    openat: open,
    openat2: open,
    close: (fd) => void openFds.delete(fd),
    read: () => 0,
    writeAll: nothing,
    fstat: () => emptyStat,
    lstatat: () => emptyStat,
    statfs: () => emptyFilesystem,
    readlinkat: () => "",
    nextNames: () => [],
    mkdirat: nothing,
    mknodat: nothing,
    symlinkat: nothing,
    linkat: nothing,
    unlinkat: nothing,
    renameat2: nothing,
    fchown: nothing,
    lchownat: nothing,
    fchmod: nothing,
    futimens: nothing,
    lutimensat: nothing,
    fsetxattr: nothing,
    lsetxattrat: nothing,
    ftruncate: nothing,
    fsync: nothing,
    syncfs: nothing,
    tryLockExclusive: () => true,
    tryLockShared: () => true,
    umask: () => 0o022,
    measureTreeAside: open,
    removeTreeAside: open,
    mount: nothing,
    umount: nothing,
    openOverlayView: open,
    mountLayer: open,
    socket: open,
    socketPair: () => [open(), open()],
    connectLoopback: open,
    isConnected: () => true,
    bindNetlink: nothing,
    sendAside: nothing,
    converseAside: open,
    sendUnixDatagram: nothing,
    listenUnix: open,
    sealedMemfd: open,
    filesAside: async (operations) => operations.map(() => ({ errno: 0, value: 0, bytes: new Uint8Array(0) })),
    exchangeAside: async () => new Uint8Array(0),
    netlinkAside: async () => open(),
    spawnDetached: async () => 4242 as Pid,
    pidfdOpen: open,
    pidfdSendSignal: nothing,
    kill: nothing,
    pidfdExited: () => false,
    processStartTime: () => 1n,
    processStatus: () => ({ startTime: 1n, state: "S", waitStatus: 0 }),
    getpid: () => 1 as Pid,
    raiseOpenFileLimit: () => 1024,
    releaseCleanFilePages: () => 0,
    compileSeccomp: () => new Uint8Array(8),
    attachDeviceProgram: nothing,
  };
}
