import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { childGroups } from "./cgroup-tree.ts";
import type { Engine } from "./engine.ts";
import { waitUntil } from "./wait-until.ts";

/** Everything a pod could leave on the host, by kind: sets of lines that a person can read. */
export interface HostSnapshot {
  readonly mounts: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
  readonly cgroups: ReadonlySet<string>;
  readonly links: ReadonlySet<string>;
  readonly firewall: ReadonlySet<string>;
  readonly processes: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
}

/**
 * `CRIB_TEST_SHARED_HOST=1`: other work makes mounts, links and rules on this machine meanwhile, so only what carries
 * the engine's own names is looked at. Otherwise all of the host's are; processes come and go on any host, so of those
 * (and the namespaces they hold) it is always the engine's own, recognised by command line or cgroup.
 */
const sharedHost = (): boolean => process.env.CRIB_TEST_SHARED_HOST === "1";

/** What the engines call their helpers: a leaked one may carry no other mark, a zombie has nothing but its name. */
const HELPERS = { crib: /crib-(monitor|init|stage)/, containerd: /containerd-shim|runc/ } as const;

export function hostSnapshot(engine: Engine): HostSnapshot {
  const marked = (line: string): boolean =>
    line.includes(engine.directory) || line.includes(engine.bridge) || line.includes(engine.cgroupParent);
  const shared = sharedHost();
  const ofHost = (line: string): boolean => !shared || marked(line);
  const ofEngine = (line: string): boolean => marked(line) || (!shared && HELPERS[engine.kind].test(line));
  const processes = processTable();
  return {
    mounts: new Set(mounts().filter(ofHost)),
    namespaces: new Set([...heldByProcesses(processes).filter(ofEngine), ...namedNetworks().filter(ofHost)]),
    cgroups: new Set(childGroups(engine.cgroupParent)),
    links: new Set(links().filter(ofHost)),
    firewall: new Set(firewall().filter(ofHost)),
    processes: new Set(
      processes
        .filter((entry) => !entry.ofThisRun)
        .map(describe)
        .filter(ofEngine),
    ),
    files: new Set(engine.residueDirectories.flatMap((directory) => files(directory))),
  };
}

/** What `after` has that `before` had not. */
export function residue(before: HostSnapshot, after: HostSnapshot): readonly string[] {
  const kinds = ["mounts", "namespaces", "cgroups", "links", "firewall", "processes", "files"] as const;
  return kinds.flatMap((kind) =>
    [...after[kind]].filter((line) => !before[kind].has(line)).map((line) => `${kind}: ${line}`),
  );
}

/** Waits until the host looks as it did, because engines may answer a moment before the kernel is done. */
export async function expectNoResidue(engine: Engine, before: HostSnapshot, boundMs = 10_000): Promise<void> {
  let left: readonly string[] = [];
  try {
    await waitUntil(
      () => {
        left = residue(before, hostSnapshot(engine)).filter((line) => !belongsThere(engine, line));
        return left.length === 0;
      },
      { what: "the host looks as before", boundMs },
    );
  } catch (error) {
    if (left.length === 0) throw error;
    const when = engine.running ? "" : ", stopped,";
    throw new Error(`left on the host by ${engine.kind}${when} after ${boundMs} ms:\n  ${left.join("\n  ")}`);
  }
}

/** What an engine keeps for the next pod and is no pod's residue. */
function belongsThere(engine: Engine, line: string): boolean {
  // A stopped daemon's own files (lock, socket, empty directories) are not a pod's.
  if (!engine.running && line.startsWith("files: ")) return true;
  if (engine.kind === "crib" && isSpare(engine, line)) return true;
  if (engine.kind === "containerd" && /^files: .*\/(containers|sandboxes|netns|k8s\.io)$/.test(line)) return true;
  const isBridge = line.startsWith("links: ") && line.endsWith(`: ${engine.bridge}`);
  // CNI plugins never remove their bridge and chains.
  if (engine.network === "cni") return isBridge || line.startsWith("firewall: ");
  // crib's stay while it runs, but no element of a map or set: that would be a host port or address of a pod that is gone.
  const isOurTable = ["inet", "bridge"].some((family) =>
    line.startsWith(`firewall: table ${family} ${engine.bridge}: `),
  );
  const isRule = isOurTable && !line.includes("elements");
  return engine.running && (isBridge || isRule);
}

/** A monitor that waits for its pod, and its directory: marked for as long as nobody has taken it. */
function isSpare(engine: Engine, line: string): boolean {
  const id = /\b[0-9a-f]{64}\b/.exec(line)?.[0];
  return engine.running && id !== undefined && existsSync(join(engine.state, "pods", id, "spare"));
}

function mounts(): readonly string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [head = "", tail = ""] = line.split(" - ");
    const [, , , root, target, options] = head.split(" ");
    return `${target} (root ${root}, ${tail.split(" ")[0]}, ${options})`;
  });
}

interface ProcessEntry {
  readonly pid: number;
  readonly command: string;
  readonly cgroups: string;
  readonly ofThisRun: boolean;
}

/** Every user process; `ofThisRun` are this one and its direct children: daemons, registry, helpers like `ip`. */
function processTable(): readonly ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const ofThisRun = pid === process.pid || Number(parent) === process.pid;
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      // Kernel threads have no command line; zombies neither, but those are residue.
      if (command === "" && state !== "Z") continue;
      const cgroups = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().replaceAll("\n", " ");
      const shown = state === "Z" ? `zombie ${stat.slice(0, stat.lastIndexOf(")") + 1)}` : command;
      entries.push({ pid, command: shown, cgroups, ofThisRun });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return entries;
}

function describe(entry: ProcessEntry): string {
  const group = /:memory:(\/crib-test-\S+)/.exec(entry.cgroups)?.[1] ?? "";
  return `${entry.pid} ${entry.command} ${group}`.trim();
}

/** Namespaces other than this process's own, with who holds them. */
function heldByProcesses(processes: readonly ProcessEntry[]): readonly string[] {
  const kinds = ["net", "ipc", "uts", "pid", "mnt", "cgroup", "user"];
  const host = new Set(kinds.map((kind) => readlinkSync(`/proc/self/ns/${kind}`)));
  const found: string[] = [];
  for (const entry of processes) {
    if (entry.ofThisRun) continue;
    for (const kind of kinds) {
      try {
        const namespace = readlinkSync(`/proc/${entry.pid}/ns/${kind}`);
        if (!host.has(namespace)) found.push(`${namespace} of ${describe(entry)}`);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
  }
  return found;
}

function namedNetworks(): readonly string[] {
  const directory = "/run/netns";
  return existsSync(directory) ? readdirSync(directory).map((name) => `${directory}/${name}`) : [];
}

function links(): readonly string[] {
  const lines = Bun.spawnSync(["ip", "-o", "link"]).stdout.toString().trimEnd().split("\n");
  // Index, name and master say which link it is; flags and state come and go.
  return lines.map((line) => {
    const master = / master (\S+)/.exec(line)?.[1];
    return `${line.split(": ").slice(0, 2).join(": ")}${master === undefined ? "" : ` on ${master}`}`;
  });
}

function firewall(): readonly string[] {
  const lines = Bun.spawnSync(["nft", "list", "ruleset"]).stdout.toString().split("\n");
  let table = "";
  const described = lines.map((line) => {
    if (line.startsWith("table ")) table = line.replace(" {", "");
    return `${table}: ${line.trim().replaceAll(/counter packets \d+ bytes \d+/g, "counter")}`;
  });
  return described.filter((line) => !line.endsWith(": }") && !line.endsWith(": "));
}

function files(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true }).map((name) => `${directory}/${String(name)}`);
}

function isGone(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "ENOENT" || error.code === "ESRCH" || error.code === "EACCES";
}
