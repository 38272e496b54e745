import { invalidArgument } from "../errors/crib-error.ts";
import type { CgroupPath } from "../ids/path.ts";
import { parseCgroupPath } from "../ids/path.ts";

/**
 * The path a slice's name spells: `a-b-c.slice` lies in `a-b.slice`, which lies in `a.slice` (systemd.slice(5)).
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
