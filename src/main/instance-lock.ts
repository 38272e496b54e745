import { mkdirSync, readFileSync } from "node:fs";
import { failedPrecondition } from "../errors/crib-error.ts";
import { Errno } from "../errors/errno.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import { type HostPath, joinHostPath } from "../ids/path.ts";
import type { Fd } from "../ids/process.ts";
import { O_CREAT, O_RDWR } from "../kernel/open-flags.ts";
import type { Kernel } from "../kernel/port.ts";
import type { Clock } from "../observe/clock.ts";

const patienceMs = 2_000;
const pauseMs = 20;

/**
 * Makes `directory` this daemon's alone, until disposed of or dead: two daemons over one database or one set of monitors
 * would undo each other's work.
 *
 * A daemon killed while it started a monitor leaves the lock to that child for the instant until its exec closes it: the lock of
 * a daemon that is dead is therefore tried again for a moment.
 *
 * The lock is flock(2) on `crib.lock`, so that it ends with its process however that ends. The file stays: unlinking it
 * would let a third daemon lock a file that a second one has open.
 *
 * @throws {CribError} failed-precondition naming the pid of the daemon that has it.
 */
export async function lockDirectory(
  { kernel, clock }: { readonly kernel: Kernel; readonly clock: Clock },
  directory: HostPath,
  flag: "--root" | "--state",
): Promise<Disposable> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = joinHostPath(directory, "crib.lock");
  const fd = openLock(kernel, path);
  try {
    if (!(await lockWithin(kernel, clock, fd, path))) {
      const pid = readFileSync(path, "utf8").trim();
      throw failedPrecondition(
        `${directory} belongs to the crib daemon with pid ${pid || "(unknown)"}: stop that one, or give this one a ${flag} of its own`,
      );
    }
    kernel.ftruncate(fd, 0n);
    kernel.writeAll(fd, new TextEncoder().encode(`${kernel.getpid()}\n`));
  } catch (error) {
    kernel.close(fd);
    throw error;
  }
  return { [Symbol.dispose]: () => kernel.close(fd) };
}

/** @throws {CribError} failed-precondition on a file system that has become read-only: nothing can be kept there. */
function openLock(kernel: Kernel, path: HostPath): Fd {
  try {
    return kernel.open(path, O_RDWR | O_CREAT, 0o600);
  } catch (error) {
    if (!(error instanceof ErrnoError) || error.errno !== Errno.EROFS) throw error;
    throw failedPrecondition(`the file system of ${path} is read-only: look for its reason in the kernel's log`, error);
  }
}

async function lockWithin(kernel: Kernel, clock: Clock, fd: Fd, path: HostPath): Promise<boolean> {
  const deadline = clock.monotonicMs() + patienceMs;
  while (!kernel.tryLockExclusive(fd)) {
    if (clock.monotonicMs() >= deadline || holderLives(path)) return false;
    await clock.sleep(pauseMs);
  }
  return true;
}

/** A process that is gone has no command line, one that waits to be reaped has an empty one. */
function holderLives(path: HostPath): boolean {
  const pid = readFileSync(path, "utf8").trim();
  try {
    return /^[1-9][0-9]*$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return false;
    throw error;
  }
}
