import { Errno } from "../errors/errno.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import type { CgroupFiles } from "./cgroup-files.ts";
import { hasErrno } from "./has-errno.ts";

/**
 * rmdir of a group and all below it, deepest first, without recursion: the depth is whatever a privileged container made.
 * Absent is success.
 *
 * @throws {ErrnoError} EBUSY while a process is left in one of them.
 */
export function removeTree(files: CgroupFiles, directory: string): void {
  const pending = [directory];
  const expanded = new Set<string>();
  for (let path = pending.at(-1); path !== undefined; path = pending.at(-1)) {
    if (removeGroup(files, path)) {
      pending.pop();
    } else if (expanded.has(path)) {
      throw new ErrnoError(Errno.EBUSY, "rmdir", path);
    } else {
      expanded.add(path);
      pending.push(...directoriesIn(files, path).map((name) => `${path}/${name}`));
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

/** Every group from `directory` down, parents first. Empty when it is not there. */
export function walkTree(files: CgroupFiles, directory: string): readonly string[] {
  if (!files.exists(directory)) return [];
  const found = [directory];
  for (const path of found) found.push(...directoriesIn(files, path).map((name) => `${path}/${name}`));
  return found;
}

function directoriesIn(files: CgroupFiles, path: string): readonly string[] {
  try {
    return files.directories(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}
