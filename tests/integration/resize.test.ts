import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupDirectory } from "../harness/cgroup-tree.ts";
import { groupOf, limitOf, setLimit } from "../harness/container-group.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const MIB = 1024n * 1024n;
const isV1 = existsSync("/sys/fs/cgroup/memory/cgroup.procs");
const resourcesOf = async (container: TestContainer) => (await container.status()).resources?.linux;
const memoryLimit = (container: TestContainer) => limitOf(container, "memory", "memory.limit_in_bytes", "memory.max");
const withResources = onlyCrib("ContainerStatus tells resources since 1.7");

function update(container: TestContainer, linux: NonNullable<Parameters<typeof updateOf>[1]>): Promise<unknown> {
  return updateOf(container.id, linux);
}

function updateOf(containerId: string, linux: Parameters<typeof bed.cri.runtime.updateContainerResources>[0]["linux"]) {
  return bed.cri.runtime.updateContainerResources({ containerId, ...(linux !== undefined && { linux }) });
}

describe("a resize", () => {
  withResources("is seen in the status, field by field, and outlives the daemon", async () => {
    const resources = { memoryLimitInBytes: 64n * MIB, cpuShares: 256n, cpuPeriod: 50_000n, cpuQuota: 10_000n };
    const container = await bed.runIdle(await bed.runPod(), { linux: { resources } });
    expect(await resourcesOf(container)).toMatchObject({ ...resources, memorySwapLimitInBytes: 64n * MIB });
    await update(container, { cpuPeriod: 100_000n, memoryLimitInBytes: 96n * MIB + 1n });
    const expected = {
      cpuShares: 256n,
      cpuPeriod: 100_000n,
      cpuQuota: 10_000n,
      // The kernel has rounded it to a page: it is what was asked for all the same.
      memoryLimitInBytes: 96n * MIB + 1n,
      memorySwapLimitInBytes: 96n * MIB + 1n,
    };
    expect(await resourcesOf(container)).toMatchObject(expected);
    expect(await memoryLimit(container)).toBe(String(96n * MIB));
    await bed.engine.kill9();
    await bed.engine.start();
    expect(await resourcesOf(container)).toMatchObject(expected);
    await update(container, { cpuShares: 300n });
    expect(await resourcesOf(container)).toMatchObject({ ...expected, cpuShares: 300n });
  });

  withResources("reads back what stands in the kernel where that is something else", async () => {
    const resources = { memoryLimitInBytes: 64n * MIB, cpuShares: 256n, cpuPeriod: 100_000n, cpuQuota: 10_000n };
    const container = await bed.runIdle(await bed.runPod(), { linux: { resources } });
    if (isV1) await setLimit(container, "cpu", "cpu.cfs_quota_us", "30000");
    else await setLimit(container, "cpu", "cpu.max", "30000 100000");
    await update(container, { memoryLimitInBytes: 80n * MIB });
    expect(await resourcesOf(container)).toMatchObject({ cpuQuota: 30_000n, memoryLimitInBytes: 80n * MIB });
  });

  test("of a container that has not started is what it starts with", async () => {
    const pod = await bed.runPod();
    const container = await bed.create(pod, {
      command: ["sleep", "1000"],
      linux: { resources: { memoryLimitInBytes: 64n * MIB } },
    });
    await update(container, { memoryLimitInBytes: 48n * MIB, memorySwapLimitInBytes: 48n * MIB, cpuShares: 100n });
    await container.start();
    expect(await memoryLimit(container)).toBe(String(48n * MIB));
    if (isV1) expect(await limitOf(container, "cpu", "cpu.shares", "")).toBe("100");
  });

  test("below what the container uses is refused, and all limits stay", async () => {
    const linux = {
      resources: { memoryLimitInBytes: 128n * MIB, memorySwapLimitInBytes: 128n * MIB, cpuShares: 256n },
    };
    const pod = await bed.runPod();
    // A shell variable is memory nobody can take away.
    const script = "x=$(head -c 24000000 /dev/zero | tr '\\0' x); echo held; exec 3<&0; sleep 1000; echo $x >&3";
    const container = await bed.run(pod, { command: ["sh", "-c", script], linux });
    await container.waitLog("held");
    const refused = update(container, {
      cpuShares: 999n,
      memoryLimitInBytes: 8n * MIB,
      memorySwapLimitInBytes: 8n * MIB,
    });
    expect(await codeOf(refused)).toBeOneOf(["FailedPrecondition", "Unknown"]);
    expect(await memoryLimit(container)).toBe(String(128n * MIB));
    if (isV1) expect(await limitOf(container, "cpu", "cpu.shares", "")).toBe("256");
    expect(await container.sh("echo alive")).toBe("alive");
  });

  test("up and down again passes through no state the kernel refuses", async () => {
    const container = await bed.runIdle(await bed.runPod(), {
      linux: { resources: { memoryLimitInBytes: 64n * MIB, memorySwapLimitInBytes: 64n * MIB } },
    });
    for (const size of [512n, 32n, 1024n, 48n]) {
      await update(container, { memoryLimitInBytes: size * MIB, memorySwapLimitInBytes: size * MIB });
      expect(await memoryLimit(container)).toBe(String(size * MIB));
    }
  });

  withResources("of the swap alone counts from the memory there is", async () => {
    const resources = { memoryLimitInBytes: 64n * MIB, memorySwapLimitInBytes: 64n * MIB };
    const container = await bed.runIdle(await bed.runPod(), { linux: { resources } });
    await update(container, { memorySwapLimitInBytes: 96n * MIB });
    expect(await resourcesOf(container)).toMatchObject({ ...resources, memorySwapLimitInBytes: 96n * MIB });
    expect(await codeOf(update(container, { memorySwapLimitInBytes: 32n * MIB }))).toBe("InvalidArgument");
    const free = await bed.runIdle(await bed.runPod());
    expect(await codeOf(update(free, { memorySwapLimitInBytes: 32n * MIB }))).toBe("InvalidArgument");
  });

  withResources("moves the oom score of the container's processes, not of one that chose its own", async () => {
    const container = await bed.run(await bed.runPod(), {
      command: [
        "sh",
        "-c",
        "sh -c 'echo 900 >/proc/self/oom_score_adj; exec sleep 1000' & sleep 1000 & exec sleep 1001",
      ],
      linux: { resources: { oomScoreAdj: 300n } },
    });
    const group = await groupOf(container, "memory");
    const scores = () =>
      readFileSync(join(group, "cgroup.procs"), "utf8")
        .trim()
        .split("\n")
        .map((pid) => Number(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8")))
        .toSorted((a, b) => a - b);
    await waitUntil(() => scores().join() === "300,300,900", { what: "three processes, one with its own score" });
    await update(container, { oomScoreAdj: 600n });
    expect(scores()).toEqual([600, 600, 900]);
    expect((await resourcesOf(container))?.oomScoreAdj).toBe(600n);
  });

  test("of a container that has ended is refused", async () => {
    const container = await bed.run(await bed.runPod(), { command: ["true"] });
    await container.waitExit();
    // containerd takes it and does nothing.
    expect(await codeOf(update(container, { cpuShares: 5n }))).toBeOneOf(["FailedPrecondition", "OK"]);
  });
});

describe("a pod's own limits", () => {
  const podUpdate = onlyCrib("UpdatePodSandboxResources came with 2.1");
  const podLimit = (group: string) =>
    readFileSync(join(cgroupDirectory("memory", group), isV1 ? "memory.limit_in_bytes" : "memory.max"), "utf8").trim();

  podUpdate("are its containers' sum and its overhead, set anew by an update, and told", async () => {
    const cgroupParent = `${bed.engine.cgroupParent}/resized`;
    const pod = await bed.runPod({
      linux: {
        cgroupParent,
        resources: { memoryLimitInBytes: 256n * MIB },
        overhead: { memoryLimitInBytes: 16n * MIB },
      },
    });
    expect(podLimit(cgroupParent)).toBe(String(272n * MIB));
    const podSandboxId = pod.id;
    await bed.cri.runtime.updatePodSandboxResources({ podSandboxId, resources: { memoryLimitInBytes: 512n * MIB } });
    expect(podLimit(cgroupParent)).toBe(String(528n * MIB));
    await bed.engine.kill9();
    await bed.engine.start();
    await bed.cri.runtime.updatePodSandboxResources({ podSandboxId, overhead: { memoryLimitInBytes: 8n * MIB } });
    expect(podLimit(cgroupParent)).toBe(String(520n * MIB));
    const { info } = await bed.cri.runtime.podSandboxStatus({ podSandboxId, verbose: true });
    expect(JSON.parse(info.info ?? "{}").podResources).toMatchObject({
      resources: { memory: { limit: Number(512n * MIB) } },
      overhead: { memory: { limit: Number(8n * MIB) } },
    });
    await pod.stop();
    expect(await codeOf(bed.cri.runtime.updatePodSandboxResources({ podSandboxId }))).toBe("FailedPrecondition");
  });
});

describe("an OOM kill", () => {
  const linux = { resources: { memoryLimitInBytes: 32n * MIB, memorySwapLimitInBytes: 32n * MIB } };

  test("while the daemon is away is told when it is back", async () => {
    const container = await bed.run(await bed.runPod(), {
      command: ["sh", "-c", "echo waiting; sleep 2; exec tail /dev/zero"],
      linux,
    });
    await container.waitLog("waiting");
    const pid = await container.pid();
    await bed.engine.kill9();
    await waitUntil(() => !existsSync(`/proc/${pid}/stat`), { what: "the container is killed" });
    await bed.engine.start();
    expect(await container.waitExit()).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  });

  onlyCrib("says so for any OOM event")("of a child does not colour the stop that comes later", async () => {
    const container = await bed.run(await bed.runPod(), {
      command: ["sh", "-c", "tail /dev/zero; echo survived; trap '' TERM; while :; do sleep 1; done"],
      linux,
    });
    await container.waitLog("survived");
    await container.stop();
    expect(await container.status()).toMatchObject({ exitCode: 137, reason: "Error" });
  });

  onlyCrib("tells a memory cgroup's counter of all lives")("is counted by the container's metrics", async () => {
    const pod = await bed.runPod();
    const script = "tail /dev/zero; tail /dev/zero; echo survived; exec sleep 1000";
    const container = await bed.run(pod, { command: ["sh", "-c", script], linux });
    await container.waitLog("survived");
    const { podMetrics } = await bed.cri.runtime.listPodSandboxMetrics({});
    const own = podMetrics
      .flatMap((entry) => entry.containerMetrics)
      .find((entry) => entry.containerId === container.id);
    expect(own?.metrics.find(({ name }) => name === "container_oom_events_total")?.value?.value).toBe(2n);
  });
});
