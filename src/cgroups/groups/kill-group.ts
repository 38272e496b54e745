import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { treePids } from "./tree-pids.ts";

/** How a group is stopped while its processes are counted out, where the kernel cannot kill a group by itself. */
export interface Freezer {
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
}

export const v1Freezer: Freezer = { file: "freezer.state", frozen: "FROZEN", thawed: "THAWED" };
export const v2Freezer: Freezer = { file: "cgroup.freeze", frozen: "1", thawed: "0" };

/** A fork bomb outruns one listing; frozen it cannot, but processes that are just entering may. */
const rounds = 8;

/**
 * SIGKILL to every process of the group at `directory` and below. One write where the kernel has cgroup.kill (Linux ≥ 5.14,
 * v2); else freeze, kill each, thaw: a frozen process keeps its number, so none can be killed by mistake, and a killed one
 * dies when thawed.
 */
export function killGroup(
  files: CgroupFiles,
  directory: string,
  freezer: Freezer | undefined,
  sigkill: (pid: number) => void,
): void {
  if (killByKernel(files, directory)) return;
  for (let round = 0; round < rounds; round++) {
    if (freezer !== undefined) setState(files, directory, freezer.file, freezer.frozen);
    const pids = treePids(files, directory);
    try {
      for (const pid of pids) sigkill(pid);
    } finally {
      if (freezer !== undefined) setState(files, directory, freezer.file, freezer.thawed);
    }
    if (pids.length === 0) return;
  }
}

/** false when there is no such file. A group that is gone has nothing left to kill. */
function killByKernel(files: CgroupFiles, directory: string): boolean {
  try {
    files.write(`${directory}/cgroup.kill`, "1");
    return true;
  } catch (error) {
    if (!hasErrno(error, "ENOENT", "ENODEV")) throw error;
    return !files.exists(directory);
  }
}

function setState(files: CgroupFiles, directory: string, file: string, state: string): void {
  try {
    files.write(`${directory}/${file}`, state);
  } catch (error) {
    if (!hasErrno(error, "ENOENT", "ENODEV")) throw error;
  }
}
