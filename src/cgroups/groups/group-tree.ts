import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";

/**
 * 40 µs each, and 0.1 ms on a busy machine, on the event loop. Whoever removes a tree asks again until it is gone, and everybody else
 * has a turn in between.
 */
const mostRemoved = 400;
/** Groups looked at for their processes at a time, up to 0.1 ms each; the first to go are the first to be looked at. */
const mostWalked = 256;

/** What removals of one call may remove together. */
export class RemovalBudget {
  #left: number;

  constructor(most: number = mostRemoved) {
    this.#left = most;
  }

  /** @throws {ErrnoError} EBUSY when there is nothing left of it. */
  spend(path: string): void {
    if (this.#left === 0) throw new ErrnoError(Errno.EBUSY, "rmdir", path);
    this.#left -= 1;
  }
}

/**
 * rmdir of a group and all below it, deepest first, without recursion: the depth is whatever a privileged container made.
 * Absent is success.
 *
 * @throws {ErrnoError} EBUSY while a process is left in one of them, or there are more than the budget has.
 */
export function removeTree(files: CgroupFiles, directory: string, budget: RemovalBudget): void {
  const pending = [directory];
  const expanded = new Set<string>();
  for (let path = pending.at(-1); path !== undefined; path = pending.at(-1)) {
    budget.spend(directory);
    if (removeGroup(files, path)) {
      pending.pop();
    } else if (expanded.has(path)) {
      throw new ErrnoError(Errno.EBUSY, "rmdir", path);
    } else {
      expanded.add(path);
      addBelow(files, path, pending);
    }
  }
}

/** rmdir of one group; false when it has children or processes. Absent is success. */
export function removeGroup(files: CgroupFiles, path: string): boolean {
  try {
    files.rmdir(path);
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return true;
    if (hasErrno(error, "EBUSY", "ENOTEMPTY")) return false;
    throw error;
  }
}

/**
 * Groups from `directory` down, parents first, those that are removed first before others; as many as one may look at. None when it is
 * not there.
 */
export function* walkTree(files: CgroupFiles, directory: string, most: number = mostWalked): Generator<string> {
  if (!files.exists(directory)) return;
  const pending = [directory];
  let left = most;
  for (let path = pending.pop(); path !== undefined && left > 0; path = pending.pop()) {
    left -= 1;
    yield path;
    addBelow(files, path, pending);
  }
}

/** One by one: as arguments of one call there may be too many of them. */
function addBelow(files: CgroupFiles, path: string, pending: string[]): void {
  for (const name of directoriesIn(files, path)) pending.push(`${path}/${name}`);
}

function directoriesIn(files: CgroupFiles, path: string): readonly string[] {
  try {
    return files.directories(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}
