import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupDirectory } from "./cgroup-tree.ts";
import type { TestContainer } from "./test-container.ts";

/** The cgroup of a container in one controller's hierarchy, as the kernel tells it. */
export async function groupOf(container: TestContainer, controller: string): Promise<string> {
  const lines = readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8")
    .trim()
    .split("\n");
  const v1 = lines.find((line) => line.split(":")[1]?.split(",").includes(controller));
  const line = v1 ?? lines.find((entry) => entry.startsWith("0::")) ?? "";
  return cgroupDirectory(controller, line.split(":").slice(2).join(":"));
}

const hybridRoot = "/sys/fs/cgroup/unified";
const unifiedRoot = existsSync(hybridRoot) ? hybridRoot : "/sys/fs/cgroup";

/** The container's group in the hierarchy that kills and freezes: the unified one where there is one, else the freezer's. */
export async function killingGroupOf(container: TestContainer): Promise<string> {
  const lines = readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8").split("\n");
  const path = lines.find((line) => line.startsWith("0::"))?.slice(3) ?? "/";
  return path === "/" ? await groupOf(container, "freezer") : join(unifiedRoot, path);
}

/** Reads a limit where either cgroup version keeps it. */
export async function limitOf(
  container: TestContainer,
  controller: string,
  v1File: string,
  v2File: string,
): Promise<string> {
  const group = await groupOf(container, controller);
  const v1 = join(group, v1File);
  return readFileSync(v1File !== "" && existsSync(v1) ? v1 : join(group, v2File), "utf8").trim();
}

/** As an administrator would, behind the engine's back. */
export async function setLimit(
  container: TestContainer,
  controller: string,
  file: string,
  value: string,
): Promise<void> {
  writeFileSync(join(await groupOf(container, controller), file), value);
}
