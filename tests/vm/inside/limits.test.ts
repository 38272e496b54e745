import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupDirectory } from "../../harness/cgroup-tree.ts";
import type { TestContainer } from "../../harness/test-container.ts";
import { useTestBed } from "../../harness/use-test-bed.ts";

const bed = useTestBed();
const MIB = 1024n * 1024n;
const isV2 = process.env.CRIB_VM_LAYOUT === "v2";

/** A limit as the kernel keeps it, from the group that /proc names. */
async function limit(container: TestContainer, controller: string, v1File: string, v2File: string): Promise<string> {
  const lines = readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8").split("\n");
  const own = lines.find((line) =>
    isV2 ? line.startsWith("0::") : line.split(":")[1]?.split(",").includes(controller),
  );
  const group = own?.split(":").slice(2).join(":") ?? "";
  return readFileSync(join(cgroupDirectory(controller, group), isV2 ? v2File : v1File), "utf8").trim();
}

test("a container runs in its limits, is resized, and reads them inside", async () => {
  const resources = { memoryLimitInBytes: 64n * MIB, cpuPeriod: 100_000n, cpuQuota: 50_000n };
  const container = await bed.runIdle(await bed.runPod(), { linux: { resources } });
  expect(await limit(container, "memory", "memory.limit_in_bytes", "memory.max")).toBe(String(64n * MIB));
  expect(await limit(container, "cpu", "cpu.cfs_quota_us", "cpu.max")).toBe(isV2 ? "50000 100000" : "50000");

  await bed.cri.runtime.updateContainerResources({
    containerId: container.id,
    linux: { memoryLimitInBytes: 128n * MIB, cpuPeriod: 100_000n, cpuQuota: 25_000n },
  });
  expect(await limit(container, "memory", "memory.limit_in_bytes", "memory.max")).toBe(String(128n * MIB));
  expect(await limit(container, "cpu", "cpu.cfs_quota_us", "cpu.max")).toBe(isV2 ? "25000 100000" : "25000");
  const inside = isV2 ? "/sys/fs/cgroup/memory.max" : "/sys/fs/cgroup/memory/memory.limit_in_bytes";
  expect(await container.sh(`cat ${inside}`)).toBe(String(128n * MIB));

  const { stats } = await bed.cri.runtime.containerStats({ containerId: container.id });
  expect(stats?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
  expect(stats?.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(0n);
});
