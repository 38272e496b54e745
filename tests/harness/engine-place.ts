import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeCgroup, removeCgroup } from "./cgroup-tree.ts";
import type { EngineKind, SmallDisk } from "./engine.ts";
import { killProcessesOf } from "./processes-of.ts";
import { cgroupPrefix, linkPrefix, openWorkspace } from "./workspace.ts";

let count = 0;

/** The corner of the host that belongs to one engine under test: names nobody else uses. */
export interface EnginePlace {
  readonly directory: string;
  readonly root: string;
  readonly state: string;
  readonly socket: string;
  readonly logFile: string;
  readonly cgroupParent: string;
  readonly bridge: string;
  /** A /24 of its own for pods, "10.X.Y.0/24". */
  readonly subnet: string;
  /** Ends every process of this place, takes down its mounts, links and groups, deletes its files. */
  clear(): void;
}

/** `stateInMemory`: the state directory is on a tmpfs, as /run is on a node. */
export function openEnginePlace(kind: EngineKind, stateInMemory = false, rootDisk?: SmallDisk): EnginePlace {
  const workspace = openWorkspace(kind);
  const number = ++count;
  const directory = workspace.path;
  const cgroupParent = `${cgroupPrefix()}${number}`;
  const bridge = `${linkPrefix()}${number}`;
  const slot = (process.pid * 7 + number) % 4096;
  makeCgroup(cgroupParent);
  for (const name of ["root", "state"]) mkdirSync(join(directory, name), { mode: 0o700 });
  if (stateInMemory) mountTmpfs(join(directory, "state"));
  if (rootDisk !== undefined) mountDisk(join(directory, "root.img"), join(directory, "root"), rootDisk);
  return {
    directory,
    root: join(directory, "root"),
    state: join(directory, "state"),
    socket: join(directory, `${kind}.sock`),
    logFile: join(directory, "daemon.log"),
    cgroupParent,
    bridge,
    subnet: `10.${208 + (slot >> 8)}.${slot & 255}.0/24`,
    clear() {
      killProcessesOf(directory);
      removeCgroup(cgroupParent);
      Bun.spawnSync(["ip", "link", "delete", bridge], { stderr: "ignore" });
      workspace.remove();
    },
  };
}

function mountTmpfs(path: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", path]);
  if (exitCode !== 0) throw new Error(`no tmpfs at ${path}: ${stderr.toString().trim()}`);
}

/** ext4 in a file: unlike a tmpfs it has blocks of its own for directories, and runs out of inodes as real disks do. */
function mountDisk(image: string, path: string, { mebibytes, inodes }: SmallDisk): void {
  const script = `truncate -s ${mebibytes}M "$0" && mkfs.ext4 -q -m 0 -N ${inodes} "$0" && mount -o loop "$0" "$1" && chmod 0700 "$1"`;
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", script, image, path]);
  if (exitCode !== 0) throw new Error(`no disk at ${path}: ${stderr.toString().trim()}`);
}
