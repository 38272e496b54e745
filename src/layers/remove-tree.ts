import { ErrnoError } from "../errors/errno-error.ts";
import { hasErrno } from "../errors/has-errno.ts";
import type { Fd } from "../ids/process.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFDIR, S_IFMT } from "../kernel/open-flags.ts";
import type { Kernel } from "../kernel/port.ts";
import type { Clock } from "../observe/clock.ts";
import { bytesToString } from "../oci/byte-string.ts";

interface OpenDirectory {
  readonly fd: Fd;
  readonly name: string;
  /** Names read and still to remove; what follows them is read when they are gone. */
  names: string[];
  /** Whether anything was in it: one that is not empty after all is then gone through again. */
  hadNames: boolean;
}

/** Deeper than this, directories are moved up before they are emptied. */
const maxOpen = 64;

/**
 * Removes `name` in the directory `parent`, whatever it is, without following links. Absent is success.
 *
 * Iterative and by descriptor, so that neither a hostile depth nor a million names in one directory nor a path over
 * PATH_MAX stops it or whoever waits, and never more than `maxOpen` directories are open. Whoever calls it must be the only one to change the tree.
 */
export function removeTree(kernel: Kernel, parent: Fd, name: string): void {
  if (!isDirectoryAfterUnlink(kernel, parent, name)) return;
  const pending = [name];
  for (let top = pending.pop(), moved = 0; top !== undefined; top = pending.pop()) {
    const open: OpenDirectory[] = [];
    try {
      for (
        let here: OpenDirectory | undefined = enter(kernel, parent, top, open);
        here !== undefined;
        here = open.at(-1)
      ) {
        const child = nextChild(kernel, here);
        if (child === undefined) {
          open.pop();
          kernel.close(here.fd);
          const above = open.at(-1)?.fd ?? parent;
          if (!isRemoved(kernel, above, here)) enter(kernel, above, here.name, open);
        } else if (isDirectoryAfterUnlink(kernel, here.fd, child)) {
          if (open.length < maxOpen) enter(kernel, here.fd, child, open);
          else {
            const aside = `.crib-removing-${moved++}-${top.length}`;
            kernel.renameat2(here.fd, child, parent, aside, 0);
            pending.push(aside);
          }
        }
      }
    } finally {
      for (const { fd } of open) kernel.close(fd);
    }
  }
}

const firstPauseMs = 5;
const longestPauseMs = 100;

/**
 * The same where others must not wait for it: on a thread of its own (ffi/libcrib/remove-tree.c). A disk that hangs keeps that
 * thread, not the daemon's.
 *
 * @throws {ErrnoError} what the thread met; the rest of the tree is still there.
 */
export async function removeTreeAside(
  kernel: Pick<Kernel, "removeTreeAside" | "read" | "close">,
  clock: Pick<Clock, "sleep">,
  parent: Fd,
  name: string,
): Promise<void> {
  const pipe = kernel.removeTreeAside(parent, name);
  using _pipe = { [Symbol.dispose]: () => kernel.close(pipe) };
  const answer = new Int32Array(1);
  for (let pauseMs = firstPauseMs; !isAnswered(kernel, pipe, answer); pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    await clock.sleep(pauseMs);
  }
  const [failure = 0] = answer;
  if (failure !== 0) throw new ErrnoError(failure, "remove", name);
}

function isAnswered(kernel: Pick<Kernel, "read">, pipe: Fd, answer: Int32Array): boolean {
  try {
    kernel.read(pipe, new Uint8Array(answer.buffer));
    return true;
  } catch (error) {
    if (hasErrno(error, "EAGAIN")) return false;
    throw error;
  }
}

function enter(kernel: Kernel, parent: Fd, name: string, open: OpenDirectory[]): OpenDirectory {
  const fd = kernel.openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const directory = { fd, name, names: [], hadNames: false };
  open.push(directory);
  return directory;
}

function nextChild(kernel: Kernel, directory: OpenDirectory): string | undefined {
  if (directory.names.length === 0) {
    directory.names = kernel.nextNames(directory.fd).map(bytesToString);
    directory.hadNames ||= directory.names.length > 0;
  }
  return directory.names.pop();
}

/** False when it holds something still: a file system need not show all names to who removes them while reading. */
function isRemoved(kernel: Kernel, parent: Fd, { name, hadNames }: OpenDirectory): boolean {
  try {
    kernel.unlinkat(parent, name, true);
    return true;
  } catch (error) {
    if (hadNames && hasErrno(error, "ENOTEMPTY")) return false;
    throw error;
  }
}

/** Unlinks `name` unless it is a directory; @returns whether it is one, and so is still there. */
function isDirectoryAfterUnlink(kernel: Kernel, parent: Fd, name: string): boolean {
  try {
    if ((kernel.lstatat(parent, name).mode & S_IFMT) === S_IFDIR) return true;
    kernel.unlinkat(parent, name, false);
    return false;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}
