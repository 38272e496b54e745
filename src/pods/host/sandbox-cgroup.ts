import { driverPaths } from "../../cgroups/driver-paths.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { CgroupPath } from "../../ids/path.ts";
import { parseCgroupPath } from "../../ids/path.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import type { PodEngine } from "../engine.ts";

/**
 * The group a pod's containers live under: the kubelet's (`cgroup_parent`, made if it is not there, never removed unless
 * we made it), or one of ours below the configured parent.
 */
export function sandboxCgroup(
  engine: PodEngine,
  id: SandboxId,
  config: PodSpec,
): { readonly cgroup: CgroupPath; readonly ownsCgroup: boolean } {
  const parent = config.linux?.cgroupParent ?? "";
  if (parent === "") {
    return { cgroup: parseCgroupPath(`${engine.config.cgroup.defaultParent}/${id}`), ownsCgroup: true };
  }
  const cgroup = driverPaths[engine.config.cgroup.driver].parent(parent);
  return { cgroup, ownsCgroup: !engine.cgroups.exists(cgroup) };
}
