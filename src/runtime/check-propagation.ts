import { readFileSync } from "node:fs";
import { failedPrecondition } from "../errors/crib-error.ts";
import type { SpecMount } from "../oci/runtime-spec.ts";

/**
 * Mounts can only reach (rslave) or leave (rshared) a container through a source whose mount takes part in propagation
 * itself; on any other the kernel would silently do neither.
 *
 * @param realPath where a source leads, without links.
 * @throws {CribError} failed-precondition naming the mount, and how to make it shared.
 */
export function checkPropagation(mounts: readonly SpecMount[], realPath: (source: string) => string): void {
  const propagating = mounts.filter(({ options }) => options.includes("rshared") || options.includes("rslave"));
  if (propagating.length === 0) return;
  const mounted = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  for (const { source, options } of propagating) {
    const path = realPath(source);
    const mount = mountOf(path, mounted);
    const { shared = false, slave = false } = mount ?? {};
    if (shared || (slave && options.includes("rslave"))) continue;
    throw failedPrecondition(
      `mount source ${JSON.stringify(source)} lies on ${mount?.point ?? "no mount"}, which is not ${options.includes("rshared") ? "shared" : "shared or slave"}: ` +
        `run "mount --make-rshared ${mount?.point ?? "/"}" on the host, or ask for private propagation`,
    );
  }
}

interface MountPoint {
  readonly point: string;
  readonly shared: boolean;
  readonly slave: boolean;
}

/** proc(5): the fifth field is the mount point, spaces and backslashes octal; optional fields go up to a lone "-". */
export function parseMountinfo(text: string): readonly MountPoint[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split(" ");
      const optional = fields.slice(6, fields.indexOf("-", 6));
      return {
        point: (fields[4] ?? "").replace(/\\([0-7]{3})/g, (_match, digits: string) =>
          String.fromCharCode(Number.parseInt(digits, 8)),
        ),
        shared: optional.some((field) => field.startsWith("shared:")),
        slave: optional.some((field) => field.startsWith("master:")),
      };
    });
}

/** The deepest mount above `path`; of several on one point the last is on top. */
export function mountOf(path: string, mounts: readonly MountPoint[]): MountPoint | undefined {
  let found: MountPoint | undefined;
  for (const mount of mounts) {
    const above = mount.point === "/" || path === mount.point || path.startsWith(`${mount.point}/`);
    if (above && (found === undefined || mount.point.length >= found.point.length)) found = mount;
  }
  return found;
}
