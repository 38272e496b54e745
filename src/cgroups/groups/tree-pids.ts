import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { walkTree } from "./group-tree.ts";

/** Processes in a group and all below it. Numbers of another pid namespace read as 0 and are left out. */
export function treePids(files: CgroupFiles, directory: string): readonly number[] {
  const pids = walkTree(files, directory).flatMap((path) => groupPids(files, path));
  return [...new Set(pids)];
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
