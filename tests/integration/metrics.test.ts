import { describe, expect } from "bun:test";
import { existsSync } from "node:fs";
import { MetricType } from "../../src/gen/runtime/v1/api_pb.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestContainer, TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();
const test = onlyCrib("ListPodSandboxMetrics came with 2.2");
const common = ["container", "id", "image", "name", "namespace", "pod"];
const MIB = 1024n * 1024n;

/** Types and labels beside the common six: what kubelet's own tests require of each container (KEP-2371). */
const requiredOfContainers: Readonly<Record<string, readonly ["COUNTER" | "GAUGE", ...string[]]>> = {
  container_cpu_system_seconds_total: ["COUNTER"],
  container_cpu_usage_seconds_total: ["COUNTER", "cpu"],
  container_cpu_user_seconds_total: ["COUNTER"],
  container_file_descriptors: ["GAUGE"],
  container_fs_reads_bytes_total: ["COUNTER", "device"],
  container_fs_reads_total: ["COUNTER", "device"],
  container_fs_writes_bytes_total: ["COUNTER", "device"],
  container_fs_writes_total: ["COUNTER", "device"],
  container_last_seen: ["GAUGE"],
  container_memory_cache: ["GAUGE"],
  container_memory_failures_total: ["COUNTER", "failure_type", "scope"],
  container_memory_mapped_file: ["GAUGE"],
  container_memory_max_usage_bytes: ["GAUGE"],
  container_memory_rss: ["GAUGE"],
  container_memory_swap: ["GAUGE"],
  container_memory_usage_bytes: ["GAUGE"],
  container_memory_working_set_bytes: ["GAUGE"],
  container_oom_events_total: ["COUNTER"],
  container_processes: ["GAUGE"],
  container_sockets: ["GAUGE"],
  container_spec_cpu_period: ["GAUGE"],
  container_spec_cpu_shares: ["GAUGE"],
  container_spec_memory_limit_bytes: ["GAUGE"],
  container_spec_memory_swap_limit_bytes: ["GAUGE"],
  container_start_time_seconds: ["GAUGE"],
  container_threads: ["GAUGE"],
  container_threads_max: ["GAUGE"],
};
const requiredOfPods = ["receive", "transmit"].flatMap((way) =>
  ["bytes", "errors", "packets", "packets_dropped"].map((what) => `container_network_${way}_${what}_total`),
);

interface Sent {
  readonly name: string;
  readonly type: "COUNTER" | "GAUGE";
  readonly labels: ReadonlyMap<string, string>;
  readonly value: bigint;
  /** With its fraction. */
  readonly exact: number;
}

/** Metrics of one pod, each label under its key: as the kubelet puts values and descriptors together. */
async function metricsOf(pod: TestPod): Promise<readonly Sent[]> {
  const { descriptors } = await bed.cri.runtime.listMetricDescriptors({});
  const keysOf = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
  const { podMetrics } = await bed.cri.runtime.listPodSandboxMetrics({});
  const own = podMetrics.find(({ podSandboxId }) => podSandboxId === pod.id);
  const all = [...(own?.metrics ?? []), ...(own?.containerMetrics ?? []).flatMap(({ metrics }) => metrics)];
  return all.map(({ name, labelValues, value, metricType, doubleValue }) => {
    const keys = keysOf.get(name);
    const type = metricType === MetricType.COUNTER ? "COUNTER" : "GAUGE";
    const exact = doubleValue?.value ?? Number(value?.value ?? -1n);
    if (keys?.length !== labelValues.length) throw new Error(`${name} has ${labelValues} for ${keys}`);
    return {
      name,
      labels: new Map(keys.map((key, i) => [key, labelValues[i] ?? ""])),
      value: value?.value ?? -1n,
      type,
      exact,
    };
  });
}

function pick(sent: readonly Sent[], name: string, labels: Readonly<Record<string, string>> = {}): bigint | undefined {
  return sent.find(
    (metric) =>
      metric.name === name && Object.entries(labels).every(([key, value]) => metric.labels.get(key) === value),
  )?.value;
}

async function holding(pod: TestPod, script: string, linux = {}): Promise<TestContainer> {
  const container = await bed.run(pod, { command: ["sh", "-c", `${script}; echo ready; exec pause`], linux });
  await container.waitLog("ready");
  return container;
}

describe("metrics", () => {
  test("tell what the kernel counts for a container", async () => {
    const pod = await bed.runPod();
    const resources = { memoryLimitInBytes: 64n * MIB, cpuPeriod: 100_000n, cpuQuota: 50_000n, cpuShares: 512n };
    const container = await holding(pod, "exec 7</dev/null 8</dev/null; dd if=/dev/zero of=/file bs=1M count=3", {
      resources,
    });
    const sent = await metricsOf(pod);
    const own = { name: container.id };
    const value = (name: string, labels = {}) => pick(sent, name, { ...own, ...labels });
    expect(value("container_spec_memory_limit_bytes")).toBe(64n * MIB);
    expect(value("container_spec_cpu_quota")).toBe(50_000n);
    expect(value("container_spec_cpu_shares")).toBe(512n);
    expect(value("container_processes")).toBe(1n);
    expect(value("container_threads")).toBe(1n);
    expect(value("container_file_descriptors")).toBeGreaterThanOrEqual(4n);
    expect(value("container_file_descriptors")).toBeLessThan(10n);
    expect(value("container_sockets")).toBe(0n);
    expect(value("container_memory_usage_bytes")).toBeLessThanOrEqual(64n * MIB);
    expect(value("container_memory_max_usage_bytes")).toBeGreaterThan(MIB);
    expect(value("container_memory_cache")).toBeGreaterThan(0n);
    expect(value("container_memory_failures_total", { failure_type: "pgfault", scope: "container" })).toBeGreaterThan(
      0n,
    );
    expect(value("container_cpu_cfs_periods_total")).toBeGreaterThanOrEqual(0n);
    expect(value("container_oom_events_total")).toBe(0n);
    expect(value("container_fs_usage_bytes")).toBeGreaterThanOrEqual(3n * MIB);
    expect(value("container_fs_limit_bytes")).toBeGreaterThan(1024n * MIB);
    expect(value("container_ulimits_soft", { ulimit: "max_open_files" })).toBeGreaterThan(0n);
    const now = BigInt(Math.floor(Date.now() / 1000));
    expect(now - (value("container_start_time_seconds") ?? 0n)).toBeLessThan(60n);
    expect(now - (value("container_last_seen") ?? 0n)).toBeLessThan(10n);
    if (existsSync("/proc/pressure/cpu")) expect(value("container_pressure_cpu_waiting_seconds_total")).toBeDefined();
    const [first] = sent.filter(({ labels }) => labels.get("name") === container.id);
    const { status } = await bed.cri.runtime.podSandboxStatus({ podSandboxId: pod.id });
    expect(first?.labels.get("pod")).toBe(status?.metadata?.name ?? "-");
    expect(first?.labels.get("namespace")).toBe(status?.metadata?.namespace ?? "-");
    expect(first?.labels.get("container")).not.toBe("");
  });

  test("count packets of the pod's interface, under the pod's name alone", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    await container.sh(`wget -q -T 1 -O - http://${bed.registry.host}/ >/dev/null 2>&1; true`);
    const sent = await metricsOf(pod);
    const eth0 = { interface: "eth0", name: pod.id, container: "" };
    expect(pick(sent, "container_network_transmit_packets_total", eth0)).toBeGreaterThan(0n);
    expect(pick(sent, "container_network_receive_bytes_total", eth0)).toBeGreaterThan(0n);
    expect(sent.some(({ labels }) => labels.get("interface") === "lo")).toBe(false);
  });

  test("are all there that kubelet's tests require, of an idle container too", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    const sent = await metricsOf(pod);
    for (const [name, [type, ...own]] of Object.entries(requiredOfContainers)) {
      const found = sent.find((metric) => metric.name === name && metric.labels.get("name") === container.id);
      expect([name, found?.type, ...(found?.labels.keys() ?? [])]).toEqual([name, type, ...common, ...own]);
      expect(found?.value).toBeGreaterThanOrEqual(0n);
      expect(found?.labels.get("id")).toContain(container.id);
      expect(found?.labels.get("image")).toContain("busybox");
    }
    expect(Object.keys(requiredOfContainers)).toHaveLength(27);
    for (const name of requiredOfPods) {
      const found = sent.find((metric) => metric.name === name && metric.labels.get("name") === pod.id);
      expect([name, found?.type, ...(found?.labels.keys() ?? [])]).toEqual([name, "COUNTER", ...common, "interface"]);
    }
    expect(requiredOfPods).toHaveLength(8);
  });

  test("keep what is less than a second", async () => {
    const pod = await bed.runPod();
    const container = await holding(pod, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    const sent = await metricsOf(pod);
    const used = sent.find(
      ({ name, labels }) => name === "container_cpu_usage_seconds_total" && labels.get("name") === container.id,
    );
    expect(used?.exact).toBeGreaterThan(Number(used?.value ?? 0n));
    expect(used?.exact).toBeLessThan(Number(used?.value ?? 0n) + 1);
  });

  test("are measured for every call", async () => {
    const pod = await bed.runPod();
    const container = await bed.run(pod, { command: ["sh", "-c", "while :; do :; done"] });
    const used = async () =>
      pick(await metricsOf(pod), "container_cpu_user_seconds_total", { name: container.id }) ?? -1n;
    const before = await used();
    const startMs = performance.now();
    let after = before;
    while (after < before + 2n && performance.now() - startMs < 25_000) after = await used();
    expect(after).toBeGreaterThanOrEqual(before + 2n);
  });

  test("of a pod on the host's network leave the network to the host, and a stopped pod has none", async () => {
    const pod = await bed.runPod({ linux: { securityContext: { namespaceOptions: { network: 2 } } } });
    await bed.runIdle(pod);
    const sent = await metricsOf(pod);
    expect(sent.length).toBeGreaterThan(30);
    expect(sent.some(({ name }) => name.startsWith("container_network_"))).toBe(false);
    const { stats } = await bed.cri.runtime.podSandboxStats({ podSandboxId: pod.id });
    expect(stats?.linux?.network).toBeUndefined();
    expect(stats?.linux?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
    await bed.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
    expect(await metricsOf(pod)).toEqual([]);
  });

  test("are the same when streamed", async () => {
    const pod = await bed.runPod();
    await bed.runIdle(pod);
    const names = new Set((await metricsOf(pod)).map(({ name }) => name));
    const streamed = new Set<string>();
    for await (const { podSandboxMetrics } of bed.cri.runtime.streamPodSandboxMetrics({})) {
      const own = podSandboxMetrics.find(({ podSandboxId }) => podSandboxId === pod.id);
      for (const { name } of [...(own?.metrics ?? []), ...(own?.containerMetrics ?? []).flatMap((c) => c.metrics)])
        streamed.add(name);
    }
    expect([...streamed].toSorted()).toEqual([...names].toSorted());
  });
});
