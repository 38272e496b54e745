import type { InterfaceStats } from "../../network/port.ts";
import type { ContainerStatsSample, SandboxStatsSample } from "../../pods/port.ts";

/** Labels of every metric, in this order: cAdvisor's names, because dashboards and alerts are written for those. */
const baseLabels = ["container", "id", "image", "name", "namespace", "pod"] as const;

interface MetricOf<Sample> {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** undefined: not accounted on this host, no sample is sent. */
  readonly value: (sample: Sample) => bigint | undefined;
}

type ContainerMetric = MetricOf<ContainerStatsSample>;
type InterfaceMetric = MetricOf<InterfaceStats>;

/** The values of the API are integers: what cAdvisor has as fractions of seconds is rounded down here. */
export const containerMetrics: readonly ContainerMetric[] = [
  {
    name: "container_cpu_usage_seconds_total",
    help: "CPU time used, in seconds",
    type: "counter",
    value: ({ cgroup }) => (cgroup?.cpuUsageNs === undefined ? undefined : cgroup.cpuUsageNs / 1_000_000_000n),
  },
  {
    name: "container_memory_usage_bytes",
    help: "Memory charged to the container, page cache included",
    type: "gauge",
    value: ({ cgroup }) => cgroup?.memory?.usageBytes,
  },
  {
    name: "container_memory_working_set_bytes",
    help: "Memory that cannot be reclaimed easily: usage minus inactive file pages",
    type: "gauge",
    value: ({ cgroup }) => cgroup?.memory?.workingSetBytes,
  },
  {
    name: "container_memory_rss",
    help: "Anonymous memory",
    type: "gauge",
    value: ({ cgroup }) => cgroup?.memory?.rssBytes,
  },
  {
    name: "container_memory_swap",
    help: "Swap used, in bytes",
    type: "gauge",
    value: ({ cgroup }) => cgroup?.memory?.swapUsageBytes,
  },
  {
    name: "container_processes",
    help: "Processes and threads in the container's cgroup",
    type: "gauge",
    value: ({ cgroup }) => cgroup?.pids,
  },
  {
    name: "container_oom_events_total",
    help: "Processes of the container killed for want of memory",
    type: "counter",
    value: ({ cgroup }) => cgroup?.oomKills,
  },
  {
    name: "container_fs_usage_bytes",
    help: "Bytes the writable layer uses",
    type: "gauge",
    value: ({ writableLayer }) => writableLayer.usedBytes,
  },
  {
    name: "container_start_time_seconds",
    help: "When the container was started, seconds since the epoch",
    type: "gauge",
    value: ({ container }) => container.startedAtNs / 1_000_000_000n,
  },
];

export const interfaceMetrics: readonly InterfaceMetric[] = [
  {
    name: "container_network_receive_bytes_total",
    help: "Bytes the pod received",
    type: "counter",
    value: (stats) => stats.rxBytes,
  },
  {
    name: "container_network_receive_errors_total",
    help: "Errors while receiving",
    type: "counter",
    value: (stats) => stats.rxErrors,
  },
  {
    name: "container_network_transmit_bytes_total",
    help: "Bytes the pod sent",
    type: "counter",
    value: (stats) => stats.txBytes,
  },
  {
    name: "container_network_transmit_errors_total",
    help: "Errors while sending",
    type: "counter",
    value: (stats) => stats.txErrors,
  },
];

export const containerLabelKeys: readonly string[] = baseLabels;
export const interfaceLabelKeys: readonly string[] = [...baseLabels, "interface"];

export function containerLabels(sample: SandboxStatsSample, { container }: ContainerStatsSample): readonly string[] {
  const pod = sample.sandbox.config.metadata;
  return [
    container.config.metadata?.name ?? "",
    container.cgroup,
    container.imageReference,
    container.id,
    pod?.namespace ?? "",
    pod?.name ?? "",
  ];
}

/** Network belongs to the pod: no container, no image. */
export function interfaceLabels(sample: SandboxStatsSample, stats: InterfaceStats): readonly string[] {
  const pod = sample.sandbox.config.metadata;
  return ["", sample.sandbox.cgroup, "", sample.sandbox.id, pod?.namespace ?? "", pod?.name ?? "", stats.name];
}
