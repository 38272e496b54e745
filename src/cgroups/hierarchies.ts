import { failedPrecondition } from "../errors/crib-error.ts";
import type { CgroupMount } from "../oci/mounts/cgroup-mount.ts";

/** One mounted cgroup hierarchy of the host. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** v1: what is mounted here; a named hierarchy has its name only ("name=systemd"). v2: filled from cgroup.controllers. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
}

export interface Layout {
  readonly mode: "v1" | "hybrid" | "v2";
  readonly v1: readonly Hierarchy[];
  readonly v2: Hierarchy | undefined;
}

/**
 * Reads the host's hierarchies from the text of /proc/self/mountinfo (proc(5)): v2 alone, v1 alone, or v1 with a v2
 * hierarchy beside it that holds the processes but few or no controllers (hybrid).
 *
 * @throws {CribError} failed-precondition when no hierarchy is mounted below `root`.
 */
export function detectLayout(mountinfo: string, root: string): Layout {
  const mounted = mountinfo.split("\n").flatMap((line) => parseLine(line, root));
  const v1 = mounted.filter(({ version }) => version === 1);
  const v2 = mounted.find(({ version }) => version === 2);
  if (v1.length === 0 && v2 === undefined) {
    throw failedPrecondition(
      `no cgroup hierarchy is mounted at ${root}: mount cgroup2 there ("mount -t cgroup2 none ${root}")`,
    );
  }
  if (v1.length === 0) return { mode: "v2", v1, v2 };
  return { mode: v2 === undefined ? "v1" : "hybrid", v1, v2 };
}

/** `36 31 0:29 / /sys/fs/cgroup/memory rw,… shared:9 - cgroup cgroup rw,memory`; the last field holds the controllers. */
function parseLine(line: string, root: string): readonly Hierarchy[] {
  const [mount = "", filesystem = ""] = line.split(" - ");
  const mountpoint = mount.split(" ")[4] ?? "";
  const [type = "", , superOptions = ""] = filesystem.split(" ");
  if (mountpoint !== root && !mountpoint.startsWith(`${root}/`)) return [];
  if (type === "cgroup2") return [{ version: 2, controllers: [], mountpoint }];
  if (type !== "cgroup") return [];
  const controllers = superOptions
    .split(",")
    .filter((option) => !notControllers.has(option) && !option.startsWith("release_agent="));
  return [{ version: 1, controllers, mountpoint }];
}

const notControllers: ReadonlySet<string> = new Set([
  ...["rw", "ro", "xattr", "none", "all", "noprefix", "clone_children", "favordynmods", "cpuset_v2_mode"],
]);

/** How a container sees this hierarchy mounted. */
export function containerMount({ version, controllers, mountpoint }: Hierarchy, root: string): CgroupMount {
  const name = mountpoint === root ? "" : mountpoint.slice(root.length + 1);
  if (version === 2) return { fsType: "cgroup2", name, options: [], aliases: [] };
  const aliases = controllers.filter((controller) => controller !== name && !controller.startsWith("name="));
  return { fsType: "cgroup", name, options: controllers, aliases };
}
