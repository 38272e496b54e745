import type { SpecResources } from "../runtime-spec.ts";

/** What a pod as a whole was promised: the sum over its containers, and what the sandbox itself may use on top (KEP-688). */
export interface PodResources {
  readonly resources: SpecResources;
  readonly overhead: SpecResources;
}

/**
 * The limits of a pod's group: the containers' sum and the overhead together. What the sum leaves without limit stays without
 * one: an overhead alone limits nothing.
 */
export function podLimits({ resources, overhead }: PodResources): SpecResources {
  const cpu = podCpu(resources.cpu, overhead.cpu);
  const memory = podMemory(resources.memory, overhead.memory);
  const hugepages = (resources.hugepageLimits ?? []).map(({ pageSize, limit }) => ({
    pageSize,
    limit: limit + (overhead.hugepageLimits?.find((other) => other.pageSize === pageSize)?.limit ?? 0),
  }));
  return {
    ...resources,
    ...(cpu !== undefined && { cpu }),
    ...(memory !== undefined && { memory }),
    ...(hugepages.length > 0 && { hugepageLimits: hugepages }),
  };
}

/** cpu.cfs_period_us where nothing is asked for (kernel Documentation/scheduler/sched-bwc.rst). */
const defaultPeriodUs = 100_000;

function podCpu(sum: SpecResources["cpu"], overhead: SpecResources["cpu"]): SpecResources["cpu"] {
  if (sum === undefined) return undefined;
  const period = sum.period ?? defaultPeriodUs;
  // The overhead's share of its own period, in the sum's.
  const extraQuota =
    overhead?.quota !== undefined && overhead.quota > 0
      ? Math.ceil((overhead.quota * period) / (overhead.period ?? defaultPeriodUs))
      : 0;
  return {
    ...sum,
    ...(sum.shares !== undefined && { shares: sum.shares + (overhead?.shares ?? 0) }),
    ...(sum.quota !== undefined && sum.quota > 0 && { quota: sum.quota + extraQuota }),
  };
}

function podMemory(sum: SpecResources["memory"], overhead: SpecResources["memory"]): SpecResources["memory"] {
  if (sum === undefined) return undefined;
  const extra = positive(overhead?.limit);
  const extraBoth = Math.max(extra, positive(overhead?.swap));
  return {
    ...sum,
    ...(sum.limit !== undefined && sum.limit > 0 && { limit: sum.limit + extra }),
    ...(sum.swap !== undefined && sum.swap > 0 && { swap: sum.swap + extraBoth }),
  };
}

function positive(limit: number | undefined): number {
  return limit !== undefined && limit > 0 ? limit : 0;
}
