import type { HostPath, RootfsPath } from "../../../ids/path.ts";
import { parseHostPath, parseRootfsPath } from "../../../ids/path.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from "../../../kernel/mount-flags.ts";
import type { CgroupMount } from "../../../oci/mounts/cgroup-mount.ts";
import { parseMountOptions } from "../../../oci/mounts/mount-options.ts";
import type { SpecMount } from "../../../oci/runtime-spec.ts";
import type { PlanStep } from "./steps.ts";

/** The parts of mounting: sources are opened while the host is in sight, targets filled inside the root. */
export interface MountSteps {
  readonly open: readonly PlanStep[];
  /** Sources that are made, on a directory of the host: after propagation is cut. */
  readonly make: readonly PlanStep[];
  /** Sources that begin as a copy of what the root has: once there is one. */
  readonly fill: readonly PlanStep[];
  readonly attach: readonly PlanStep[];
}

/** Keeps the spec's order, in which parents come before children. */
export function compileMounts(
  mounts: readonly SpecMount[],
  cgroups: { readonly hierarchies: readonly CgroupMount[]; readonly own: boolean },
  images: { readonly staging: HostPath; readonly idmapped: boolean },
  mountLabel?: string,
): MountSteps {
  const open: PlanStep[] = [];
  const idmap: PlanStep[] = [];
  const make: PlanStep[] = [];
  const fill: PlanStep[] = [];
  const attach: PlanStep[] = [];
  let slots = 0;
  /** The host's groups are bound: a container without a cgroup namespace of its own may not mount them in a user namespace. */
  const bound: CgroupStep = ({ name }, target, attributes) => {
    const slot = slots;
    slots += 1;
    open.push({ kind: "open-source", slot, path: parseHostPath(`${hostCgroups}/${name}`), recursive: false });
    return { kind: "bind", slot, target, attributes, recursive: false, propagation: "private" };
  };
  for (const mount of mounts) {
    if (mount.type === "cgroup") {
      attach.push(...cgroupSteps(mount, cgroups.hierarchies, cgroups.own ? mounted : bound));
      continue;
    }
    const options = parseMountOptions(mount.options);
    const ofRoot = mount.copyUp === true;
    if (!options.bind && mount.type !== "bind" && mount.image === undefined && !ofRoot) {
      attach.push({
        kind: "mount",
        fsType: mount.type,
        source: mount.source,
        target: parseRootfsPath(mount.destination),
        attributes: options.attributes,
        options: [...options.data, ...labelOptions(mount.type, mountLabel)],
      });
      continue;
    }
    const slot = slots;
    slots += 1;
    const onTmpfs = ofRoot && mount.type === "tmpfs";
    if (ofRoot) {
      const path = parseRootfsPath(mount.destination);
      fill.push({ kind: "copy-up", slot, path, onTmpfs, options: onTmpfs ? labelOptions("tmpfs", mountLabel) : [] });
    }
    if (onTmpfs) {
      // The step itself makes it.
    } else if (mount.image === undefined) {
      const path: HostPath = parseHostPath(mount.source, "mount source");
      open.push({ kind: "open-source", slot, path, recursive: options.recursiveBind });
    } else {
      make.push({ kind: "open-image", slot, ...mount.image, ...images });
    }
    if (mount.uidMappings !== undefined) idmap.push({ kind: "idmap-source", slot });
    attach.push({
      kind: "bind",
      slot,
      target: parseRootfsPath(mount.destination),
      attributes: options.attributes,
      recursive: options.recursiveAttributes,
      propagation: options.propagation,
    });
  }
  return { open: [...open, ...idmap], make, fill, attach };
}

/** Their files would have the label of the process that mounts them. (mqueue is made with the ipc namespace, and takes no label here.) */
const labelledTypes: ReadonlySet<string> = new Set(["tmpfs", "devpts"]);

function labelOptions(fsType: string, label: string | undefined): readonly string[] {
  return label !== undefined && labelledTypes.has(fsType) ? [`context=${label}`] : [];
}

const tmpfsAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

type CgroupStep = (hierarchy: CgroupMount, target: RootfsPath, attributes: number) => PlanStep;

const hostCgroups = "/sys/fs/cgroup";

const mounted: CgroupStep = ({ fsType, options }, target, attributes) => ({
  kind: "mount",
  fsType,
  source: "cgroup",
  target,
  attributes,
  options,
});

/**
 * The container's own groups, seen through its cgroup namespace, or all of the host's. On cgroup v1 each hierarchy is a mount of its own on a small
 * tmpfs, which is made read-only once its directories are there; only hierarchies in which the container has a group are
 * shown, the others would show the host's.
 */
function cgroupSteps(mount: SpecMount, hierarchies: readonly CgroupMount[], step: CgroupStep): readonly PlanStep[] {
  const { attributes } = parseMountOptions(mount.options);
  const target = (name: string) => parseRootfsPath(name === "" ? mount.destination : `${mount.destination}/${name}`);
  const steps: PlanStep[] = hierarchies.flatMap((hierarchy) => [
    step(hierarchy, target(hierarchy.name), attributes),
    ...hierarchy.aliases.map((alias): PlanStep => ({ kind: "symlink", target: hierarchy.name, path: target(alias) })),
  ]);
  if (hierarchies.length === 0 || hierarchies.some(({ name }) => name === "")) return steps;
  return [
    {
      kind: "mount",
      fsType: "tmpfs",
      source: "tmpfs",
      target: target(""),
      attributes: tmpfsAttributes,
      options: ["mode=755", "size=64k", "nr_inodes=64"],
    },
    ...steps,
  ];
}

/** The v1 tmpfs becomes read-only after the pivot, when nothing is made in it any more. */
export function readOnlyCgroupRoot(
  mounts: readonly SpecMount[],
  hierarchies: readonly CgroupMount[],
): readonly PlanStep[] {
  const mount = mounts.find(({ type }) => type === "cgroup");
  if (mount === undefined || hierarchies.length === 0 || hierarchies.some(({ name }) => name === "")) return [];
  const readOnly = (parseMountOptions(mount.options).attributes & MOUNT_ATTR_RDONLY) !== 0;
  return readOnly ? [{ kind: "read-only", path: parseRootfsPath(mount.destination) }] : [];
}
