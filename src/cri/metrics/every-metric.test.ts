import { describe, expect, test } from "bun:test";
import { fakeCgroupStats, fakeInterfaceStats, fakeMeasurements } from "../../../tests/fixtures/fake-pods.ts";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { type Metric as MetricMessage, MetricType } from "../../gen/runtime/v1/api_pb.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { ContainerMetricsSample } from "../../pods/port.ts";
import { toPodSandboxMetrics } from "../convert/metrics.ts";
import { commonLabelKeys, metricDescriptions } from "./every-metric.ts";

/** What dashboards made for the kubelet's cAdvisor endpoint ask for, with the labels of its own. */
const known: Readonly<Record<string, readonly string[]>> = {
  container_blkio_device_usage_total: ["device", "major", "minor", "operation"],
  container_cpu_cfs_periods_total: [],
  container_cpu_cfs_throttled_periods_total: [],
  container_cpu_cfs_throttled_seconds_total: [],
  container_cpu_system_seconds_total: [],
  container_cpu_usage_seconds_total: ["cpu"],
  container_cpu_user_seconds_total: [],
  container_file_descriptors: [],
  container_fs_inodes_free: ["device"],
  container_fs_inodes_total: ["device"],
  container_fs_limit_bytes: ["device"],
  container_fs_reads_bytes_total: ["device"],
  container_fs_reads_total: ["device"],
  container_fs_usage_bytes: ["device"],
  container_fs_writes_bytes_total: ["device"],
  container_fs_writes_total: ["device"],
  container_hugetlb_max_usage_bytes: ["pagesize"],
  container_hugetlb_usage_bytes: ["pagesize"],
  container_last_seen: [],
  container_memory_cache: [],
  container_memory_failcnt: [],
  container_memory_failures_total: ["failure_type", "scope"],
  container_memory_kernel_usage: [],
  container_memory_mapped_file: [],
  container_memory_max_usage_bytes: [],
  container_memory_rss: [],
  container_memory_swap: [],
  container_memory_total_active_file_bytes: [],
  container_memory_total_inactive_file_bytes: [],
  container_memory_usage_bytes: [],
  container_memory_working_set_bytes: [],
  container_network_receive_bytes_total: ["interface"],
  container_network_receive_errors_total: ["interface"],
  container_network_receive_packets_dropped_total: ["interface"],
  container_network_receive_packets_total: ["interface"],
  container_network_transmit_bytes_total: ["interface"],
  container_network_transmit_errors_total: ["interface"],
  container_network_transmit_packets_dropped_total: ["interface"],
  container_network_transmit_packets_total: ["interface"],
  container_oom_events_total: [],
  container_pressure_cpu_stalled_seconds_total: [],
  container_pressure_cpu_waiting_seconds_total: [],
  container_pressure_io_stalled_seconds_total: [],
  container_pressure_io_waiting_seconds_total: [],
  container_pressure_memory_stalled_seconds_total: [],
  container_pressure_memory_waiting_seconds_total: [],
  container_processes: [],
  container_sockets: [],
  container_spec_cpu_period: [],
  container_spec_cpu_quota: [],
  container_spec_cpu_shares: [],
  container_spec_memory_limit_bytes: [],
  container_spec_memory_reservation_limit_bytes: [],
  container_spec_memory_swap_limit_bytes: [],
  container_start_time_seconds: [],
  container_threads: [],
  container_threads_max: [],
  container_ulimits_soft: ["ulimit"],
};

describe("descriptions", () => {
  test("are the names and labels that cAdvisor's users know, each once and with a help text", () => {
    const described = metricDescriptions.map(({ name, labelKeys }) => [name, labelKeys]);
    const expected = Object.entries(known).map(([name, keys]) => [name, [...commonLabelKeys, ...keys]]);
    expect(described.toSorted()).toEqual(expected.toSorted());
    for (const { help } of metricDescriptions) expect(help.length).toBeGreaterThan(9);
  });
});

const stall = { totalUs: 2_500_000n, avg10: 0, avg60: 0, avg300: 0 };
const pressure = { some: stall, full: { ...stall, totalUs: 999_999n } };
const sandbox = fakeSandbox();
const running = fakeContainer(sandbox);
const limited = {
  ...running,
  startedAtNs: 1_700_000_009_999_999_999n as UnixNanos,
  spec: {
    ...running.spec,
    linux: {
      ...running.spec.linux,
      resources: { devices: [], cpu: { quota: 20_000 }, memory: { limit: 4096, swap: -1 } },
    },
  },
};
const sample: ContainerMetricsSample = {
  container: limited,
  cgroup: { ...fakeCgroupStats, cpuPressure: pressure, memoryPressure: pressure, ioPressure: pressure },
  usageNanoCores: undefined,
  writableLayer: { timestampNs: 7n as UnixNanos, mountpoint: "/x", usedBytes: 4096n, inodesUsed: 3n },
  ...fakeMeasurements,
};

function accounted(
  changes: Partial<NonNullable<ContainerMetricsSample["accounting"]>>,
): NonNullable<ContainerMetricsSample["accounting"]> {
  if (fakeMeasurements.accounting === undefined) throw new Error("the fake measures nothing");
  return { ...fakeMeasurements.accounting, ...changes };
}

/** `name{own labels}` → value, in the older field or in the newer */
function sent(
  measured: ContainerMetricsSample,
  of: (metric: MetricMessage) => bigint | number | undefined = ({ value }) => value?.value,
): ReadonlyMap<string, bigint | number | undefined> {
  const interfaces = [fakeInterfaceStats("lo", 1n), fakeInterfaceStats("eth0", 100n)];
  const { metrics, containerMetrics } = toPodSandboxMetrics({ sandbox, interfaces, containers: [measured] }, 5n);
  return new Map(
    [...metrics, ...containerMetrics.flatMap((entry) => entry.metrics)].map((metric) => [
      `${metric.name}{${metric.labelValues.slice(commonLabelKeys.length).join()}}`,
      of(metric),
    ]),
  );
}

describe("measurements", () => {
  test("of a container for which everything is accounted are one of each description at least", () => {
    const names = new Set([...sent(sample).keys()].map((key) => key.slice(0, key.indexOf("{"))));
    expect([...names].toSorted()).toEqual(Object.keys(known).toSorted());
  });

  test.each([
    ["container_cpu_usage_seconds_total{total}", 1n],
    ["container_blkio_device_usage_total{/dev/sdb,8,16,Read}", 10n],
    ["container_blkio_device_usage_total{/dev/sdb,8,16,Write}", 11n],
    ["container_fs_writes_total{/dev/sdb}", 13n],
    ["container_fs_limit_bytes{/dev/vda}", 1n << 40n],
    ["container_hugetlb_max_usage_bytes{2MB}", 15n],
    ["container_memory_failures_total{pgmajfault,container}", 9n],
    ["container_memory_failures_total{pgfault,hierarchy}", 10n],
    ["container_network_transmit_packets_dropped_total{eth0}", 107n],
    ["container_pressure_io_waiting_seconds_total{}", 2n],
    ["container_pressure_io_stalled_seconds_total{}", 0n],
    ["container_spec_cpu_period{}", 100_000n],
    ["container_spec_cpu_quota{}", 20_000n],
    ["container_spec_cpu_shares{}", 1024n],
    ["container_spec_memory_limit_bytes{}", 4096n],
    ["container_spec_memory_swap_limit_bytes{}", 0n],
    ["container_start_time_seconds{}", 1_700_000_009n],
    ["container_threads_max{}", 0n],
    ["container_ulimits_soft{max_open_files}", 1024n],
  ])("%s is %p", (key, value) => {
    expect(sent(sample).get(key)).toBe(value);
  });

  test.each([
    ["container_cpu_usage_seconds_total{total}", 0.38, 0n],
    ["container_cpu_user_seconds_total{}", 12.000000001, 12n],
    ["container_pressure_io_waiting_seconds_total{}", 2.5, 2n],
    ["container_pressure_io_stalled_seconds_total{}", 0.999999, 0n],
  ])("%s keeps its fraction, and is rounded down for older readers", (key, exact, whole) => {
    const fractions = {
      ...sample,
      cgroup: { ...fakeCgroupStats, ioPressure: pressure, cpuUsageNs: 380_000_000n },
      accounting: accounted({ cpu: { ...accounted({}).cpu, userNs: 12_000_000_001n } }),
    };
    expect(sent(fractions, ({ doubleValue }) => doubleValue?.value).get(key)).toBe(exact);
    expect(sent(fractions).get(key)).toBe(whole);
  });

  test("that have no fraction are sent in the older field alone", () => {
    const doubles = sent(sample, ({ doubleValue }) => doubleValue?.value);
    const fractional = [...doubles].flatMap(([key, value]) => (value === undefined ? [] : [key]));
    for (const key of fractional) expect(key).toContain("_seconds_total");
    expect(fractional.length).toBeGreaterThan(8);
  });

  test("of I/O are zero for a container that has done none, and absent where nobody counts", () => {
    const io = (devices: []) => sent({ ...sample, accounting: accounted({ io: devices }) });
    expect(io([]).get("container_fs_reads_total{/dev/vda}")).toBe(0n);
    expect(io([]).get("container_fs_writes_bytes_total{/dev/vda}")).toBe(0n);
    const uncounted = sent({ ...sample, accounting: accounted({ io: undefined }) });
    expect([...uncounted.keys()].filter((key) => /_fs_(?:reads|writes)/.test(key))).toEqual([]);
  });

  test("leave out what is not accounted, and the loopback", () => {
    const { accounting: _none, ...rest } = sample;
    const keys = [...sent({ ...rest, accounting: undefined, cgroup: undefined }).keys()];
    expect(keys.filter((key) => /cpu_usage|memory_usage|pressure|blkio|hugetlb|threads|\{lo\}/.test(key))).toEqual([]);
    expect(keys).toContain("container_fs_usage_bytes{/dev/vda}");
  });

  test("carry the container's labels in the order of their keys, the pod's network those of the pod", () => {
    const { metrics, containerMetrics } = toPodSandboxMetrics(
      { sandbox, interfaces: [fakeInterfaceStats("eth0", 1n)], containers: [sample] },
      5n,
    );
    expect(metrics[0]).toMatchObject({ timestamp: 5n, metricType: MetricType.COUNTER });
    expect(metrics[0]?.labelValues).toEqual(["", sandbox.cgroup, "", sandbox.id, "default", "web", "eth0"]);
    const threads = containerMetrics[0]?.metrics.find(({ name }) => name === "container_threads");
    expect(threads).toMatchObject({ timestamp: fakeCgroupStats.timestampNs, metricType: MetricType.GAUGE });
    const image = "docker.io/library/busybox:1.36";
    expect(threads?.labelValues).toEqual(["main", limited.cgroup, image, limited.id, "default", "web"]);
  });
});
