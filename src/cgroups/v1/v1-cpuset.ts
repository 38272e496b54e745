import type { CgroupFiles } from "../files/cgroup-files.ts";

/**
 * A new v1 cpuset group has no cpus and no memory nodes, and no process can enter it: it starts with its parent's. Groups of
 * ours that get children are told to do so by themselves (cgroup.clone_children), which leaves one read for a container.
 */
export function inheritCpuset(files: CgroupFiles, directory: string): void {
  if (files.read(`${directory}/cpuset.cpus`).trim() !== "") return;
  const parent = directory.slice(0, directory.lastIndexOf("/"));
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    files.write(`${directory}/${file}`, files.read(`${parent}/${file}`).trim());
  }
  files.write(`${directory}/cgroup.clone_children`, "1");
}
