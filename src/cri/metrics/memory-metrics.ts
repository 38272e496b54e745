import type { ContainerMetricsSample } from "../../pods/port.ts";
import { counter, gauge, labelled, type Metric } from "./metric.ts";

export const memoryMetrics: readonly Metric<ContainerMetricsSample>[] = [
  gauge(
    "container_memory_usage_bytes",
    "Memory charged to the container, page cache included",
    ({ cgroup }) => cgroup?.memory?.usageBytes,
  ),
  gauge(
    "container_memory_working_set_bytes",
    "Memory that cannot be reclaimed easily: usage minus inactive file pages",
    ({ cgroup }) => cgroup?.memory?.workingSetBytes,
  ),
  gauge("container_memory_rss", "Anonymous memory, in bytes", ({ cgroup }) => cgroup?.memory?.rssBytes),
  gauge("container_memory_swap", "Swap used, in bytes", ({ cgroup }) => cgroup?.memory?.swapUsageBytes),
  gauge("container_memory_cache", "Page cache, in bytes", ({ accounting }) => accounting?.memory.cacheBytes),
  gauge(
    "container_memory_mapped_file",
    "Files mapped into memory, in bytes",
    ({ accounting }) => accounting?.memory.mappedFileBytes,
  ),
  gauge(
    "container_memory_total_active_file_bytes",
    "Page cache used lately, in bytes",
    ({ accounting }) => accounting?.memory.activeFileBytes,
  ),
  gauge(
    "container_memory_total_inactive_file_bytes",
    "Page cache not used lately, in bytes",
    ({ accounting }) => accounting?.memory.inactiveFileBytes,
  ),
  gauge(
    "container_memory_kernel_usage",
    "Memory of the kernel charged to the container, in bytes",
    ({ accounting }) => accounting?.memory.kernelBytes,
  ),
  gauge(
    "container_memory_max_usage_bytes",
    "The most memory the container has used so far",
    ({ accounting }) => accounting?.memory.peakBytes,
  ),
  counter(
    "container_memory_failcnt",
    "How often the container ran into its memory limit",
    ({ accounting }) => accounting?.memory.limitHits,
  ),
  labelled(
    "counter",
    "container_memory_failures_total",
    "Page faults, of the container's own group and of it with all groups below",
    ["failure_type", "scope"],
    ({ accounting, cgroup }) => [
      [accounting?.memory.ownPageFaults, "pgfault", "container"],
      [accounting?.memory.ownMajorPageFaults, "pgmajfault", "container"],
      [cgroup?.memory?.pageFaults, "pgfault", "hierarchy"],
      [cgroup?.memory?.majorPageFaults, "pgmajfault", "hierarchy"],
    ],
  ),
  counter(
    "container_oom_events_total",
    "Processes of the container killed for want of memory",
    ({ cgroup }) => cgroup?.oomKills,
  ),
  labelled("gauge", "container_hugetlb_usage_bytes", "Huge pages used, in bytes", ["pagesize"], ({ accounting }) =>
    (accounting?.hugepages ?? []).map(({ pageSize, usedBytes }) => [usedBytes, pageSize]),
  ),
  labelled(
    "gauge",
    "container_hugetlb_max_usage_bytes",
    "The most huge pages used so far, in bytes",
    ["pagesize"],
    ({ accounting }) => (accounting?.hugepages ?? []).map(({ pageSize, peakBytes }) => [peakBytes, pageSize]),
  ),
];
