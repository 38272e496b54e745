import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { walkTree } from "./group-tree.ts";

/**
 * Processes in a group and those below it, as many as may be looked at in one go. Numbers of another pid namespace read as 0 and are left out.
 */
export function treePids(files: CgroupFiles, directory: string): readonly number[] {
  const pids = [...walkTree(files, directory)].flatMap((path) => groupPids(files, path));
  return [...new Set(pids)];
}

/** A container that may make groups makes any number; of more than these nobody is told. */
const mostCounted = 65_536;

/** The same of far more groups, with a turn for others before each: what a container makes holds the event loop no longer for it. */
export async function treePidsInTurns(
  files: CgroupFiles,
  directory: string,
  turn: () => Promise<void>,
): Promise<readonly number[]> {
  const pids = new Set<number>();
  for (const path of walkTree(files, directory, mostCounted)) {
    await turn();
    for (const pid of groupPids(files, path)) pids.add(pid);
  }
  return [...pids];
}

function groupPids(files: CgroupFiles, directory: string): readonly number[] {
  try {
    return files
      .read(`${directory}/cgroup.procs`)
      .split("\n")
      .filter((line) => line !== "" && line !== "0")
      .map(Number);
  } catch (error) {
    // ENODEV: the group was removed between listing and reading. EOPNOTSUPP: a threaded group, its processes show above.
    if (hasErrno(error, "ENOENT", "ENODEV", "EOPNOTSUPP")) return [];
    throw error;
  }
}
