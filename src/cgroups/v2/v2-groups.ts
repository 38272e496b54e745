import type { CgroupPath } from "../../ids/path.ts";
import type { CgroupResources } from "../../oci/resources/cgroup-resources.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { writeControl } from "../files/control-write.ts";
import { makeGroups } from "../groups/make-groups.ts";
import type { Hierarchy } from "../hierarchies.ts";
import { allowAllDevicesProgram, deviceProgram } from "./device-program.ts";
import { controllersOf, v2Controls } from "./v2-controls.ts";
import { enableControllers } from "./v2-subtree-control.ts";

/** Replaces a group's device program, atomically: there is no moment without one. */
export type AttachDeviceProgram = (directory: string, program: Uint8Array) => void;

/** Controllers every group of a pure v2 host has, for its statistics and for limits to come. */
const everyController: ReadonlySet<string> = new Set(["cpu", "cpuset", "hugetlb", "io", "memory", "pids"]);

/**
 * Makes the group in the v2 hierarchy. Alone (`mode` v2) it carries all limits and the device program; beside v1 it carries
 * what v1 does not, so only the controllers in use are enabled: enabling one takes it from v1.
 */
export function createV2Group(
  files: CgroupFiles,
  hierarchy: Hierarchy,
  path: CgroupPath,
  resources: CgroupResources,
  alone: boolean,
  attach: AttachDeviceProgram,
): void {
  const controls = v2Controls(resources);
  const wanted = alone ? everyController : controllersOf(controls);
  makeGroups(files, hierarchy, path, {
    beforeChild: (parent) => enableControllers(files, hierarchy.mountpoint, parent, wanted),
  });
  applyV2Limits(files, hierarchy, path, resources);
  if (alone) attachDevices(`${hierarchy.mountpoint}${path}`, resources, attach);
}

export function applyV2Limits(
  files: CgroupFiles,
  { mountpoint }: Hierarchy,
  path: CgroupPath,
  resources: CgroupResources,
): void {
  for (const control of v2Controls(resources)) writeControl(files, `${mountpoint}${path}`, control);
}

/** A new group without a program may use every device: one that may needs none. */
function attachDevices(directory: string, resources: CgroupResources, attach: AttachDeviceProgram): void {
  if (resources.devices !== undefined && resources.devicesAllowAll !== true)
    attach(directory, deviceProgram(resources.devices));
}

export function updateDevices(directory: string, resources: CgroupResources, attach: AttachDeviceProgram): void {
  if (resources.devicesAllowAll === true) attach(directory, allowAllDevicesProgram());
  else if (resources.devices !== undefined) attach(directory, deviceProgram(resources.devices));
}
