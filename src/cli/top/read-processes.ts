import type { DoctorHost } from "../program/cli-io.ts";

/** One process of a container as the host's /proc shows it. */
export interface ContainerProcess {
  readonly pid: number;
  /** In its innermost pid namespace: what the container itself calls it. */
  readonly innerPid: number;
  readonly uid: number;
  /** proc_pid_stat(5): R, S, D, Z… */
  readonly state: string;
  readonly threads: number;
  /** User and system time together. */
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly command: string;
}

type ProcFiles = Pick<DoctorHost, "readText" | "list">;

/** USER_HZ, in which the kernel tells times to user space on every architecture crib runs on. */
const ticksPerSecond = 100;

/** Every process of the host that is in a control group, by pid: read it once for all containers. */
export function readGroups(files: ProcFiles): ReadonlyMap<number, string> {
  const groups = new Map<number, string>();
  for (const name of files.list("/proc") ?? []) {
    const path = /^\d+$/.test(name) ? groupPath(files.readText(`/proc/${name}/cgroup`)) : undefined;
    if (path !== undefined) groups.set(Number(name), path);
  }
  return groups;
}

/**
 * The processes that share the control group of `initPid`, or are below it: the container's, its execs' among them.
 * Those that end while we look are left out.
 */
export function readProcesses(
  files: ProcFiles,
  groups: ReadonlyMap<number, string>,
  initPid: number,
): readonly ContainerProcess[] {
  const group = groups.get(initPid);
  if (group === undefined) return [];
  return [...groups]
    .filter(([, path]) => path === group || path.startsWith(`${group}/`))
    .map(([pid]) => readProcess(files, pid))
    .filter((process) => process !== undefined)
    .toSorted((a, b) => a.innerPid - b.innerPid);
}

/** The path in the hierarchy that every layout has: v1's pids controller, else v2's only line (cgroups(7)). */
function groupPath(text: string | undefined): string | undefined {
  const lines = (text ?? "").split("\n").map((line) => line.split(":"));
  const chosen = lines.find(([, controllers]) => controllers === "pids") ?? lines.find(([id]) => id === "0");
  const path = chosen?.slice(2).join(":");
  return path === undefined || path === "/" ? undefined : path;
}

function readProcess(files: ProcFiles, pid: number): ContainerProcess | undefined {
  const stat = files.readText(`/proc/${pid}/stat`);
  const status = files.readText(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // The name stands in parentheses and may hold any byte, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1] ?? "";
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    pid,
    innerPid: Number(field("NSpid").split(/\s+/).at(-1)),
    uid: Number(field("Uid").split(/\s+/)[0]),
    state: fields[0] ?? "?",
    threads: Number(fields[17]),
    cpuMs: (ticks * 1000) / ticksPerSecond,
    residentBytes: Number.parseInt(field("VmRSS") || "0", 10) * 1024,
    command: commandLine(files.readText(`/proc/${pid}/cmdline`)) || `[${field("Name")}]`,
  };
}

function commandLine(text: string | undefined): string {
  return (text ?? "").split("\0").join(" ").trim();
}
