import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { RemovalBudget, removeTree } from "./group-tree.ts";
import { treePids } from "./tree-pids.ts";

/** Directory of an exec's group below its container's. */
export function execGroup(container: string, execId: string): string {
  return `${container}/crib-exec-${execId}`;
}

const attempts = 5;

/**
 * Removes the group of an exec that has ended. What the command left running in the background goes on as part of the
 * container, as it would have without a group of its own. A process that keeps slipping back in leaves the group to be
 * removed with the container.
 *
 * @returns whether it is gone. Processes that were killed keep it, and cannot be moved, until the kernel is done with them.
 */
export function dissolveExecGroup(files: CgroupFiles, container: string, execId: string): boolean {
  const directory = execGroup(container, execId);
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      removeTree(files, directory, new RemovalBudget());
      return true;
    } catch (error) {
      if (!hasErrno(error, "EBUSY")) throw error;
      for (const pid of treePids(files, directory)) moveTo(files, container, pid);
    }
  }
  return false;
}

function moveTo(files: CgroupFiles, container: string, pid: number): void {
  try {
    files.write(`${container}/cgroup.procs`, `${pid}`);
  } catch (error) {
    // ESRCH: it ended meanwhile. EBUSY: the container has made groups of its own (v2), no process may stand beside them.
    if (!hasErrno(error, "ESRCH", "EBUSY", "ENOENT")) throw error;
  }
}
