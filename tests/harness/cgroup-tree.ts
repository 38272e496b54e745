import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { killIfThere } from "./processes-of.ts";

/** Mount points of every cgroup hierarchy of the host, v1 and v2. */
export function cgroupHierarchies(): readonly string[] {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return mounts
    .map((line) => line.split(" "))
    .filter((fields) => fields[2] === "cgroup" || fields[2] === "cgroup2")
    .map((fields) => fields[1] ?? "")
    .filter((path) => path !== "");
}

/** The directory of `group` where `controller` lives: its v1 hierarchy, or the v2 tree. */
export function cgroupDirectory(controller: string, group: string): string {
  const v1 = `/sys/fs/cgroup/${controller}`;
  return join(existsSync(join(v1, "cgroup.procs")) ? v1 : "/sys/fs/cgroup", group);
}

/** Makes `group` in every hierarchy, as a kubelet makes the groups of its pods. */
export function makeCgroup(group: string): void {
  for (const hierarchy of cgroupHierarchies()) {
    const path = join(hierarchy, group);
    mkdirSync(path, { recursive: true });
    // A v1 cpuset is born empty and takes no process until it has cpus and mems.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const inherited = join(dirname(path), file);
      const own = join(path, file);
      if (existsSync(own) && existsSync(inherited) && readFileSync(own, "utf8").trim() === "") {
        const value = readFileSync(inherited, "utf8").trim();
        if (value !== "") writeFileSync(own, value);
      }
    }
  }
}

/** Kills what lives in `group` and below, and removes the directories. Absent is fine. */
export function removeCgroup(group: string): void {
  for (const hierarchy of cgroupHierarchies()) {
    for (const path of subtree(join(hierarchy, group)).toReversed()) {
      for (const pid of processes(path)) killIfThere(pid);
    }
    const deadline = performance.now() + 5_000;
    for (const path of subtree(join(hierarchy, group)).toReversed()) {
      while (existsSync(path)) {
        try {
          rmdirSync(path);
        } catch (error) {
          if (performance.now() > deadline) throw error;
          Bun.sleepSync(10);
        }
      }
    }
  }
}

/** All groups below `group`, each once, relative to the hierarchies' roots; `group` itself is not among them. */
export function childGroups(group: string): readonly string[] {
  const found = cgroupHierarchies().flatMap((hierarchy) =>
    subtree(join(hierarchy, group))
      .slice(1)
      .map((path) => path.slice(hierarchy.length)),
  );
  return [...new Set(found)].toSorted();
}

export function processes(path: string): readonly number[] {
  if (!existsSync(join(path, "cgroup.procs"))) return [];
  const lines = readFileSync(join(path, "cgroup.procs"), "utf8").split("\n");
  return lines.filter((line) => line !== "").map(Number);
}

/** `path` and every directory below, parents first. */
function subtree(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  const children = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [path, ...children.flatMap((entry) => subtree(join(path, entry.name)))];
}
