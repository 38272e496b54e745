import { invalidArgument } from "../errors/crib-error.ts";
import type { CgroupPath } from "../ids/path.ts";
import { parseCgroupPath } from "../ids/path.ts";

/**
 * The systemd cgroup driver's names as paths.
 *
 * A slice's name spells its place: `a-b-c.slice` lies in `a-b.slice`, which lies in `a.slice` (systemd.slice(5)). A container
 * is a scope in its pod's slice: `crib-<id>.scope`. crib makes these groups itself, where systemd would put them; it does
 * not yet ask systemd's bus to make them, so the slices the kubelet has made are units and ours are plain groups in them.
 *
 * @throws {CribError} invalid-argument for a name that is not a slice's.
 */
export function systemdSlicePath(slice: string): CgroupPath {
  const name = slice.startsWith("/") ? slice.slice(1) : slice;
  if (name === "-.slice") return parseCgroupPath("/");
  if (!/^[A-Za-z0-9_.:@\\]+(?:-[A-Za-z0-9_.:@\\]+)*\.slice$/.test(name) || name.length > 255 || name.includes("..")) {
    throw invalidArgument(
      `cgroup_parent ${JSON.stringify(slice.slice(0, 120))} is not a slice such as "kubepods-burstable.slice", which the systemd cgroup driver needs`,
    );
  }
  const parts = name.slice(0, -".slice".length).split("-");
  const slices = parts.map((_part, index) => `${parts.slice(0, index + 1).join("-")}.slice`);
  return parseCgroupPath(`/${slices.join("/")}`);
}

/** Path of a container's scope in its pod's slice. */
export function systemdScopePath(slice: CgroupPath, id: string): CgroupPath {
  return parseCgroupPath(`${slice}/crib-${id}.scope`);
}

/** `slice:prefix:name`, as runtimes write `linux.cgroupsPath` under this driver, as a path. */
export function systemdCgroupsPath(text: string): CgroupPath {
  const parts = text.split(":");
  const [slice = "", prefix = "", name = ""] = parts;
  if (parts.length !== 3 || name === "" || !/^[A-Za-z0-9_.@-]+$/.test(`${prefix}${name}`)) {
    throw invalidArgument(`cgroupsPath ${JSON.stringify(text.slice(0, 120))} is not slice:prefix:name`);
  }
  const unit = name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  return parseCgroupPath(`${systemdSlicePath(slice || "system.slice")}/${unit}`);
}
