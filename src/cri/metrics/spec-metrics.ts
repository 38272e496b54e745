import type { ContainerMetricsSample } from "../../pods/port.ts";
import { gauge, type Metric } from "./metric.ts";

/** What a new group has by default (kernel/sched: sched_cfs_bandwidth, NICE_0_LOAD). */
const defaultPeriodUs = 100_000;
const defaultShares = 1024;

/** The limits in force, as the container's spec has them after its last update. */
export const specMetrics: readonly Metric<ContainerMetricsSample>[] = [
  gauge("container_spec_cpu_period", "Period of the CPU quota, in microseconds", (sample) =>
    BigInt(resourcesOf(sample).cpu?.period ?? defaultPeriodUs),
  ),
  gauge("container_spec_cpu_quota", "CPU time in a period, in microseconds; absent: no limit", (sample) => {
    const quota = resourcesOf(sample).cpu?.quota ?? 0;
    return quota > 0 ? BigInt(quota) : undefined;
  }),
  gauge("container_spec_cpu_shares", "CPU shares", (sample) =>
    BigInt(resourcesOf(sample).cpu?.shares ?? defaultShares),
  ),
  gauge("container_spec_memory_limit_bytes", "Memory limit; 0: none", (sample) =>
    limitOrNone(resourcesOf(sample).memory?.limit),
  ),
  gauge("container_spec_memory_swap_limit_bytes", "Limit of memory and swap together; 0: none", (sample) =>
    limitOrNone(resourcesOf(sample).memory?.swap),
  ),
  gauge("container_spec_memory_reservation_limit_bytes", "Memory kept for the container; 0: none", (sample) => {
    const reserved = resourcesOf(sample).unified?.["memory.min"] ?? "0";
    return /^\d+$/.test(reserved) ? BigInt(reserved) : 0n;
  }),
];

function resourcesOf({ container }: ContainerMetricsSample) {
  return container.spec.linux.resources;
}

function limitOrNone(limit: number | undefined): bigint {
  return limit === undefined || limit < 0 ? 0n : BigInt(limit);
}
