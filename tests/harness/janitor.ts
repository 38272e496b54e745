/** `bun janitor.ts DIRECTORY PID`: waits for its stdin to end, then removes what the run PID left on the host. */
import { existsSync, readdirSync } from "node:fs";
import { cgroupHierarchies, removeCgroup } from "./cgroup-tree.ts";
import { killProcessesOf } from "./processes-of.ts";
import { cgroupPrefix, linkPrefix, removeTree } from "./workspace.ts";

const [directory = "", pidText = ""] = process.argv.slice(2);
const pid = Number(pidText);
if (!directory.includes("crib-test-") || !Number.isInteger(pid)) throw new Error("usage: janitor.ts DIRECTORY PID");

for await (const _ of Bun.stdin.stream());

if (existsSync(directory)) {
  killProcessesOf(directory);
  const groups = new Set(cgroupHierarchies().flatMap((hierarchy) => readdirSync(hierarchy)));
  for (const group of groups) if (`/${group}`.startsWith(cgroupPrefix(pid))) removeCgroup(`/${group}`);
  for (const link of readdirSync("/sys/class/net")) {
    if (link.startsWith(linkPrefix(pid))) Bun.spawnSync(["ip", "link", "delete", link]);
  }
  removeTree(directory);
}
