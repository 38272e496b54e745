import { mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { failedPrecondition, internal } from "../errors/crib-error.ts";
import { Errno } from "../errors/errno.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import { type HostPath, joinHostPath } from "../ids/path.ts";
import type { Fd } from "../ids/process.ts";
import { O_CREAT, O_NOFOLLOW, O_RDWR } from "../kernel/open-flags.ts";
import { OwnedFd } from "../kernel/owned-fd.ts";
import type { Kernel } from "../kernel/port.ts";
import type { Clock } from "../observe/clock.ts";
import { formatLockOwner, hasLeft, isKilledButStuck, type LockOwner, parseLockOwner } from "./lock-owner.ts";

const patienceMs = 2_000;
const pauseMs = 20;

interface LockHost {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly bootId: string;
}

export interface DirectoryLock extends Disposable {
  /** The former daemon was killed and still waits in the kernel: what it has open, its sockets too, is still open. */
  readonly tookOver: boolean;
}

/**
 * Makes `directory` this daemon's alone, until disposed of or dead: two daemons over one database or one set of monitors
 * would undo each other's work.
 *
 * A daemon killed while it started a monitor leaves the lock to that child for the instant until its exec closes it: the lock of
 * a daemon that is dead is therefore tried again for a moment.
 *
 * The lock is flock(2) on `crib.lock`, so that it ends with its process however that ends, with one exception: a process that
 * was killed while it waits for a file system that does not answer keeps its descriptors as long as that. It is taken over: a
 * new file, locked before it has the name, is put in the place of the old. Whoever has locked a file makes sure that it
 * still has the name (docs/decisions/0097).
 *
 * @throws {CribError} failed-precondition naming the pid of the daemon that has it.
 */
export async function lockDirectory(
  host: LockHost,
  directory: HostPath,
  flag: "--root" | "--state",
): Promise<DirectoryLock> {
  const { kernel, clock } = host;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = joinHostPath(directory, "crib.lock");
  const deadline = clock.monotonicMs() + patienceMs;
  for (;;) {
    const lock = tryLock(host, path) ?? tryTakeOver(host, directory, path);
    if (lock !== undefined) return lock;
    const owner = readOwner(path);
    const lives = owner !== undefined && !hasLeft(kernel, owner) && !isKilledButStuck(kernel, owner);
    if (lives || clock.monotonicMs() >= deadline) {
      throw failedPrecondition(
        `${directory} belongs to the crib daemon with pid ${owner?.pid ?? "(unknown)"}: stop that one, or give this one a ${flag} of its own`,
      );
    }
    await clock.sleep(pauseMs);
  }
}

function tryLock(host: LockHost, path: HostPath): DirectoryLock | undefined {
  const { kernel } = host;
  using opened = openLock(kernel, path);
  if (!kernel.tryLockExclusive(opened.fd) || !hasName(kernel, opened.fd, path)) return undefined;
  writeOwner(host, opened.fd);
  return held(kernel, opened.release(), false);
}

/** One at a time takes over: whoever comes second finds the lock of the first, whose owner lives. */
function tryTakeOver(host: LockHost, directory: HostPath, path: HostPath): DirectoryLock | undefined {
  const { kernel } = host;
  using turn = openLock(kernel, joinHostPath(directory, "crib.lock.takeover"));
  if (!kernel.tryLockExclusive(turn.fd)) return undefined;
  const owner = readOwner(path);
  if (owner === undefined || owner.bootId !== host.bootId || !isKilledButStuck(kernel, owner)) return undefined;
  const aside = joinHostPath(directory, "crib.lock.new");
  using opened = openLock(kernel, aside);
  if (!kernel.tryLockExclusive(opened.fd)) return undefined;
  writeOwner(host, opened.fd);
  renameSync(aside, path);
  return held(kernel, opened.release(), true);
}

/** @throws {CribError} failed-precondition on a file system that has become read-only: nothing can be kept there. */
function openLock(kernel: Kernel, path: HostPath): OwnedFd {
  try {
    return new OwnedFd(kernel, kernel.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600));
  } catch (error) {
    if (!(error instanceof ErrnoError) || error.errno !== Errno.EROFS) throw error;
    throw failedPrecondition(`the file system of ${path} is read-only: look for its reason in the kernel's log`, error);
  }
}

function held(kernel: Kernel, fd: Fd, tookOver: boolean): DirectoryLock {
  return { tookOver, [Symbol.dispose]: () => kernel.close(fd) };
}

/** It may have been replaced between the open and the lock. */
function hasName(kernel: Kernel, fd: Fd, path: HostPath): boolean {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino === kernel.fstat(fd).inode;
}

function writeOwner({ kernel, bootId }: LockHost, fd: Fd): void {
  const pid = kernel.getpid();
  const startTime = kernel.processStartTime(pid);
  if (startTime === undefined) throw internal("this process is not in /proc: is that mounted?");
  kernel.ftruncate(fd, 0n);
  kernel.writeAll(fd, new TextEncoder().encode(formatLockOwner({ pid, startTime, bootId })));
}

function readOwner(path: HostPath): LockOwner | undefined {
  return parseLockOwner(readFileSync(path, "latin1"));
}
