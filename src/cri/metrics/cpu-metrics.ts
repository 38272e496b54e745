import type { ContainerMetricsSample } from "../../pods/port.ts";
import { counter, labelled, type Metric, seconds } from "./metric.ts";

export const cpuMetrics: readonly Metric<ContainerMetricsSample>[] = [
  labelled("counter", "container_cpu_usage_seconds_total", "CPU time used, in seconds", ["cpu"], ({ cgroup }) => [
    [seconds(cgroup?.cpuUsageNs), "total"],
  ]),
  counter("container_cpu_user_seconds_total", "CPU time used in user mode, in seconds", ({ accounting }) =>
    seconds(accounting?.cpu.userNs),
  ),
  counter("container_cpu_system_seconds_total", "CPU time used in the kernel, in seconds", ({ accounting }) =>
    seconds(accounting?.cpu.systemNs),
  ),
  counter(
    "container_cpu_cfs_periods_total",
    "Periods of the CPU quota that have passed",
    ({ accounting }) => accounting?.cpu.periods,
  ),
  counter(
    "container_cpu_cfs_throttled_periods_total",
    "Periods in which the CPU quota was used up",
    ({ accounting }) => accounting?.cpu.throttledPeriods,
  ),
  counter(
    "container_cpu_cfs_throttled_seconds_total",
    "Time the container was held back by its CPU quota, in seconds",
    ({ accounting }) => seconds(accounting?.cpu.throttledNs),
  ),
];
