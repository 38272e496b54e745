import type { CgroupPath } from "../../ids/path.ts";
import type { CgroupResources } from "../../oci/resources/cgroup-resources.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { makeGroups } from "../groups/make-groups.ts";
import type { Hierarchy } from "../hierarchies.ts";
import { v1Controls } from "./v1-controls.ts";

/**
 * A new v1 cpuset group has no cpus and no memory nodes, and no process can enter it: it starts with its parent's. Groups of
 * ours that get children are told to do so by themselves (cgroup.clone_children), which leaves one read for a container.
 */
function inheritCpuset(files: CgroupFiles, directory: string): void {
  if (files.read(`${directory}/cpuset.cpus`).trim() !== "") return;
  const parent = directory.slice(0, directory.lastIndexOf("/"));
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    files.write(`${directory}/${file}`, files.read(`${parent}/${file}`).trim());
  }
  files.write(`${directory}/cgroup.clone_children`, "1");
}

/**
 * Makes the group in every v1 hierarchy of the list and applies its limits. Each hierarchy costs a mkdir (15–55 µs) here and
 * a write to cgroup.procs, under a lock all forks share, when a process enters: hence only those that do something for us.
 */
export function createV1Groups(
  files: CgroupFiles,
  hierarchies: readonly Hierarchy[],
  path: CgroupPath,
  resources: CgroupResources,
): void {
  for (const hierarchy of hierarchies) {
    const isCpuset = hierarchy.controllers.includes("cpuset");
    makeGroups(files, hierarchy, path, isCpuset ? { made: (directory) => inheritCpuset(files, directory) } : {});
  }
  applyV1Limits(files, hierarchies, path, resources);
}

export function applyV1Limits(
  files: CgroupFiles,
  hierarchies: readonly Hierarchy[],
  path: CgroupPath,
  resources: CgroupResources,
): void {
  for (const { controllers, mountpoint } of hierarchies) {
    for (const controller of controllers) v1Controls[controller]?.(files, `${mountpoint}${path}`, resources);
  }
}
