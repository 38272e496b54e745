import type { CgroupView } from "../cgroup-view.ts";
import type { SpecMount } from "../runtime-spec.ts";

/**
 * What every Linux container finds mounted (OCI runtime-spec, config-linux.md "Default Filesystems"), in mount order.
 * `/sys` and the cgroup tree are read-only unless privileged (CVE-2022-0492: release_agent) or delegated. The cgroup mount is one entry
 * on every cgroup version; the runtime that carries the spec out mounts the hierarchies the host has.
 *
 * A sysfs shows a network namespace and can only be mounted by those that own it: in a user namespace on the host's
 * network the host's is bound, read-only to its last submount.
 */
export function standardMounts(
  privileged: boolean,
  sysfs: "own" | "host" = "own",
  cgroups: CgroupView["access"] = privileged ? "writable" : "read-only",
): readonly SpecMount[] {
  const access = privileged ? "rw" : "ro";
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    sysfs === "own"
      ? { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", access] }
      : {
          destination: "/sys",
          type: "bind",
          source: "/sys",
          options: ["rbind", "rprivate", "nosuid", "noexec", "nodev", "rro"],
        },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: ["nosuid", "noexec", "nodev", "relatime", cgroups === "read-only" ? "ro" : "rw"],
    },
  ];
}
