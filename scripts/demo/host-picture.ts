import { existsSync, readdirSync, readFileSync } from "node:fs";

/** What a container engine could leave behind, by kind: one line a thing. */
export type HostPicture = Readonly<
  Record<"mounts" | "links" | "network namespaces" | "cgroups" | "processes", ReadonlySet<string>>
>;

/** Takes the picture from /proc and /sys alone: nothing has to be installed. */
export function takeHostPicture(): HostPicture {
  return {
    mounts: new Set(mountPoints()),
    links: new Set(readdirSync("/sys/class/net")),
    "network namespaces": new Set([...mountPoints().filter((line) => line.endsWith(" nsfs")), ...named("/run/netns")]),
    cgroups: new Set(cgroups()),
    processes: new Set(processes()),
  };
}

/** What is there after and was not before. */
export function whatIsLeft(before: HostPicture, after: HostPicture): readonly string[] {
  return (Object.keys(before) as (keyof HostPicture)[]).flatMap((kind) =>
    [...after[kind]].filter((line) => !before[kind].has(line)).map((line) => `${kind}: ${line}`),
  );
}

function mountPoints(): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").trimEnd().split("\n");
  return lines.map((line) => `${line.split(" ")[4]} ${line.split(" - ")[1]?.split(" ")[0]}`);
}

function named(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Directories of every hierarchy; those of other services come and go with them, so crib's own names are looked for. */
function cgroups(): string[] {
  return readdirSync("/sys/fs/cgroup", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .filter((path) => /crib|kubepods/.test(path));
}

/** Processes that are crib's or of its images, by name. */
function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
        return /^(crib|hello|init-stage)/.test(name) ? [`${pid} ${name}`] : [];
      } catch {
        return [];
      }
    });
}
