import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { limitOf } from "../harness/container-group.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const MIB = 1024n * 1024n;

const memoryLimit = (container: TestContainer) => limitOf(container, "memory", "memory.limit_in_bytes", "memory.max");
const isV1 = existsSync("/sys/fs/cgroup/memory/cgroup.procs");

describe("resources", () => {
  test("become the container's cgroup limits", async () => {
    const resources = {
      memoryLimitInBytes: 96n * MIB,
      cpuShares: 512n,
      cpuPeriod: 50_000n,
      cpuQuota: 25_000n,
      cpusetCpus: "0",
      cpusetMems: "0",
    };
    const container = await bed.runIdle(await bed.runPod(), { linux: { resources } });
    expect(await memoryLimit(container)).toBe(String(96n * MIB));
    expect(await limitOf(container, "cpuset", "cpuset.cpus", "cpuset.cpus")).toBe("0");
    if (isV1) {
      expect(await limitOf(container, "cpu", "cpu.shares", "")).toBe("512");
      expect(await limitOf(container, "cpu", "cpu.cfs_quota_us", "")).toBe("25000");
      expect(await limitOf(container, "cpu", "cpu.cfs_period_us", "")).toBe("50000");
    } else {
      expect(await limitOf(container, "cpu", "", "cpu.max")).toBe("25000 50000");
    }
  });

  test("can be read inside, and only the container's own", async () => {
    const linux = { resources: { memoryLimitInBytes: 64n * MIB } };
    const container = await bed.runIdle(await bed.runPod(), { linux });
    const file = isV1 ? "/sys/fs/cgroup/memory/memory.limit_in_bytes" : "/sys/fs/cgroup/memory.max";
    expect(await container.sh(`cat ${file}`)).toBe(String(64n * MIB));
    expect(await container.sh(`touch ${file}.x 2>/dev/null || echo refused`)).toBe("refused");
  });

  test("are told by the status", async () => {
    const linux = { resources: { memoryLimitInBytes: 64n * MIB, cpuShares: 256n } };
    const container = await bed.runIdle(await bed.runPod(), { linux });
    const { info } = await bed.cri.runtime.containerStatus({ containerId: container.id, verbose: true });
    const text = JSON.stringify(JSON.parse(info.info ?? "{}"));
    expect(text).toContain('"limit":67108864');
    expect(text).toContain('"shares":256');
  });

  test("can be changed while it runs", async () => {
    const linux = { resources: { memoryLimitInBytes: 64n * MIB, cpuShares: 256n } };
    const container = await bed.runIdle(await bed.runPod(), { linux });
    await bed.cri.runtime.updateContainerResources({
      containerId: container.id,
      linux: { memoryLimitInBytes: 128n * MIB, cpuShares: 1024n, cpuQuota: 30_000n, cpuPeriod: 100_000n },
    });
    expect(await memoryLimit(container)).toBe(String(128n * MIB));
    if (isV1) {
      expect(await limitOf(container, "cpu", "cpu.shares", "")).toBe("1024");
      expect(await limitOf(container, "cpu", "cpu.cfs_quota_us", "")).toBe("30000");
    }
  });

  test("an impossible change is refused and leaves everything as it was", async () => {
    const linux = { resources: { memoryLimitInBytes: 64n * MIB, cpuShares: 256n } };
    const container = await bed.runIdle(await bed.runPod(), { linux });
    const update = bed.cri.runtime.updateContainerResources({
      containerId: container.id,
      linux: { cpuShares: 777n, cpusetCpus: "9999" },
    });
    expect(await codeOf(update)).not.toBe("OK");
    expect(await memoryLimit(container)).toBe(String(64n * MIB));
    expect(await container.sh("echo alive")).toBe("alive");
  });

  test("changing those of nobody is NotFound", async () => {
    const update = bed.cri.runtime.updateContainerResources({ containerId: "e".repeat(64), linux: { cpuShares: 2n } });
    expect(await codeOf(update)).toBe("NotFound");
  });
});

describe("limits that bite", () => {
  const eatMemory = ["sh", "-c", "echo start; tail /dev/zero; exit $?"];

  test("a container that eats too much memory is ended as OOMKilled", async () => {
    const linux = { resources: { memoryLimitInBytes: 32n * MIB, memorySwapLimitInBytes: 32n * MIB } };
    const container = await bed.run(await bed.runPod(), { command: ["tail", "/dev/zero"], linux });
    const status = await container.waitExit();
    expect(status).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  });

  onlyCrib("says so for any OOM event")("a child that is OOM killed does not make its parent OOMKilled", async () => {
    const linux = { resources: { memoryLimitInBytes: 32n * MIB, memorySwapLimitInBytes: 32n * MIB } };
    const container = await bed.run(await bed.runPod(), {
      command: [...eatMemory.slice(0, 2), "tail /dev/zero; exit 0"],
      linux,
    });
    const status = await container.waitExit();
    expect(status.exitCode).toBe(0);
    expect(status.reason).toBe("Completed");
  });

  test("a neighbour is not touched", async () => {
    const pod = await bed.runPod();
    const idle = await bed.runIdle(pod);
    const linux = { resources: { memoryLimitInBytes: 32n * MIB, memorySwapLimitInBytes: 32n * MIB } };
    const eater = await bed.run(pod, { command: eatMemory, linux });
    await eater.waitExit();
    expect(await idle.sh("echo alive")).toBe("alive");
  });
});

describe("limits of a process", () => {
  onlyCrib("hands on the limits its service has")(
    "are crib's own, for execs too, not those of who started the daemon",
    async () => {
      const held = readFileSync(`/proc/${bed.engine.pid}/limits`, "utf8");
      const hard = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(held)?.[1]);
      // The daemon raises its own soft limit, which is what a container would inherit.
      expect(hard).toBeGreaterThan(1024);
      const script = "ulimit -Sn; ulimit -Hn; ulimit -Sc";
      const expected = ["1024", String(Math.min(hard, 524_288)), "0"];
      const container = await bed.runIdle(await bed.runPod());
      expect((await container.sh(script)).trim().split("\n")).toEqual(expected);
      expect((await bed.output(container.pod, script)).split("\n")).toEqual(expected);
    },
  );
});

describe("oom_score_adj", () => {
  test("is the request's where the host lets us", async () => {
    const container = await bed.runIdle(await bed.runPod(), { linux: { resources: { oomScoreAdj: 700n } } });
    expect(readFileSync(`/proc/${await container.pid()}/oom_score_adj`, "utf8").trim()).toBe("700");
    expect(await container.sh("cat /proc/self/oom_score_adj")).toBe("700");
  });

  test("that may not be lowered does not keep a container from running", async () => {
    const container = await bed.runIdle(await bed.runPod(), { linux: { resources: { oomScoreAdj: -998n } } });
    const own = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
    const score = Number(readFileSync(`/proc/${await container.pid()}/oom_score_adj`, "utf8"));
    expect(score).toBeOneOf([-998, own]);
  });
});

describe("stats", () => {
  test("agree with the cgroup's files", async () => {
    const script =
      "dd if=/dev/zero of=/tmp/file bs=1M count=5 2>/dev/null; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; exec pause";
    const container = await bed.run(await bed.runPod({ labels: { a: "b" } }), {
      command: ["sh", "-c", script],
      labels: { stats: "yes" },
    });
    await container.waitLog("done");
    // The writable layer may be measured on a schedule.
    const stats = await waitUntil(
      async () => {
        const { stats: found } = await bed.cri.runtime.containerStats({ containerId: container.id });
        return (found?.writableLayer?.usedBytes?.value ?? 0n) >= 5n * MIB && found;
      },
      { what: "the writable layer has grown by 5 MiB", boundMs: 25_000 },
    );
    expect(stats.attributes).toMatchObject({ id: container.id, labels: { stats: "yes" } });
    const cpu = BigInt(
      await limitOf(container, "cpuacct", "cpuacct.usage", "cpu.stat").then((text) => text.match(/\d+/)?.[0] ?? "0"),
    );
    expect(stats.cpu?.usageCoreNanoSeconds?.value).toBeLessThanOrEqual(isV1 ? cpu : cpu * 1_000n);
    expect(stats.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(10_000_000n);
    const usage = BigInt(await limitOf(container, "memory", "memory.usage_in_bytes", "memory.current"));
    const workingSet = stats.memory?.workingSetBytes?.value ?? 0n;
    expect(workingSet).toBeGreaterThan(0n);
    expect(workingSet).toBeLessThanOrEqual(usage + 16n * MIB);
    expect(stats.writableLayer?.usedBytes?.value).toBeLessThan(8n * MIB);
    expect(stats.writableLayer?.inodesUsed?.value).toBeGreaterThan(0n);
    const now = BigInt(Date.now()) * 1_000_000n;
    expect(now - (stats.cpu?.timestamp ?? 0n)).toBeLessThan(30_000_000_000n);
  });

  test("a CPU burner shows a rate of about one core", async () => {
    const container = await bed.run(await bed.runPod(), { command: ["sh", "-c", "while :; do :; done"] });
    const rate = async (): Promise<bigint> => {
      const { stats } = await bed.cri.runtime.containerStats({ containerId: container.id });
      return stats?.cpu?.usageNanoCores?.value ?? 0n;
    };
    await rate();
    const seen = await waitUntil(async () => (await rate()) > 100_000_000n && (await rate()), {
      what: "a rate",
      boundMs: 25_000,
    });
    expect(seen).toBeLessThan(2_200_000_000n);
  });

  test("are listed with filters, running containers only", async () => {
    const pod = await bed.runPod();
    const a = await bed.runIdle(pod, { labels: { pick: "a" } });
    const b = await bed.runIdle(pod, { labels: { pick: "b" } });
    const list = async (filter: object): Promise<readonly string[]> => {
      const { stats } = await bed.cri.runtime.listContainerStats({ filter });
      return stats.map((entry) => entry.attributes?.id ?? "").toSorted();
    };
    expect(await list({ podSandboxId: pod.id })).toEqual([a.id, b.id].toSorted());
    expect(await list({ labelSelector: { pick: "b" } })).toEqual([b.id]);
    expect(await list({ id: a.id })).toEqual([a.id]);
  });

  test("of a pod add up its containers, its processes and its network", async () => {
    const pod = await bed.runPod({ labels: { whose: "mine" } });
    const container = await bed.runIdle(pod);
    await container.sh(`wget -q -T 1 -O - http://${bed.registry.host}/ >/dev/null 2>&1; true`);
    const { stats } = await bed.cri.runtime.podSandboxStats({ podSandboxId: pod.id });
    expect(stats?.attributes).toMatchObject({ id: pod.id, labels: { whose: "mine" } });
    expect(stats?.linux?.containers.map((entry) => entry.attributes?.id)).toEqual([container.id]);
    expect(stats?.linux?.process?.processCount?.value).toBeGreaterThanOrEqual(1n);
    expect(stats?.linux?.network?.defaultInterface?.name).toBe("eth0");
    expect(stats?.linux?.network?.defaultInterface?.rxBytes?.value).toBeGreaterThan(0n);
    expect(stats?.linux?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
    const listed = await bed.cri.runtime.listPodSandboxStats({ filter: { labelSelector: { whose: "mine" } } });
    expect(listed.stats.map((entry) => entry.attributes?.id)).toEqual([pod.id]);
  });

  test("of nobody are NotFound", async () => {
    expect(await codeOf(bed.cri.runtime.containerStats({ containerId: "d".repeat(64) }))).toBe("NotFound");
    expect(await codeOf(bed.cri.runtime.podSandboxStats({ podSandboxId: "d".repeat(64) }))).toBe("NotFound");
  });
});
