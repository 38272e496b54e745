import { invalidArgument } from "../../errors/crib-error.ts";
import type { ResourceLimits } from "../../spec/resource-limits.ts";
import type { SpecDeviceRule, SpecResources } from "../runtime-spec.ts";

/**
 * CRI limits as the spec's `linux.resources`. In the CRI zero means "not set", so zero never becomes a limit.
 *
 * A memory limit without a swap limit forbids swap (limit of both = limit of memory), as containerd does: a container must
 * not gain memory because the node has swap.
 *
 * @throws {CribError} invalid-argument naming the limit.
 */
export function specResources(limits: ResourceLimits | undefined, devices: readonly SpecDeviceRule[]): SpecResources {
  if (limits === undefined) return { devices };
  const cpu = cpuLimits(limits);
  const memory = memoryLimits(limits);
  const hugepages = limits.hugepageLimits.map(({ pageSize, limitBytes }) => ({
    pageSize: checkPageSize(pageSize),
    limit: Number(limitBytes),
  }));
  const unified = unifiedLimits(limits.unified);
  return {
    devices,
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(hugepages.length > 0 && { hugepageLimits: hugepages }),
    ...(Object.keys(unified).length > 0 && { unified }),
  };
}

/**
 * The limits after an update: what the request sets replaces what was there, the rest stays. Devices stay.
 */
export function mergeResources(current: SpecResources, update: SpecResources): SpecResources {
  const unified = { ...current.unified, ...update.unified };
  const cpu = { ...current.cpu, ...update.cpu };
  const memory = { ...current.memory, ...update.memory };
  const updatedSizes = new Set((update.hugepageLimits ?? []).map(({ pageSize }) => pageSize));
  const hugepages = [
    ...(current.hugepageLimits ?? []).filter(({ pageSize }) => !updatedSizes.has(pageSize)),
    ...(update.hugepageLimits ?? []),
  ];
  return {
    ...current,
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(hugepages.length > 0 && { hugepageLimits: hugepages }),
    ...(Object.keys(unified).length > 0 && { unified }),
  };
}

function cpuLimits(limits: ResourceLimits): NonNullable<SpecResources["cpu"]> {
  const shares = atLeast(limits.cpuShares, 0n, "cpu_shares");
  const quota = atLeast(limits.cpuQuotaUs, -1n, "cpu_quota");
  const period = atLeast(limits.cpuPeriodUs, 0n, "cpu_period");
  const cpus = checkCpuList(limits.cpusetCpus, "cpuset_cpus");
  const mems = checkCpuList(limits.cpusetMems, "cpuset_mems");
  return {
    ...(shares !== 0 && { shares }),
    ...(quota !== 0 && { quota }),
    ...(period !== 0 && { period }),
    ...(cpus !== "" && { cpus }),
    ...(mems !== "" && { mems }),
  };
}

function memoryLimits(limits: ResourceLimits): NonNullable<SpecResources["memory"]> {
  const limit = atLeast(limits.memoryLimitBytes, -1n, "memory_limit_in_bytes");
  const swap = atLeast(limits.memorySwapLimitBytes, -1n, "memory_swap_limit_in_bytes");
  if (swap > 0 && (limit === -1 || swap < limit)) {
    throw invalidArgument(
      `memory_swap_limit_in_bytes ${swap} counts memory and swap together: it cannot be below memory_limit_in_bytes ${limit}`,
    );
  }
  return { ...(limit !== 0 && { limit }), ...((swap !== 0 || limit !== 0) && { swap: swap === 0 ? limit : swap }) };
}

/** A write would take CPUs from the whole host, reclaim memory, watch for pressure, or do nothing. */
const notLimits = /\.(?:partition|reclaim|pressure|stat|events|current|peak|numa_stat)(?:$|\.)/;

function unifiedLimits(unified: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(unified)) {
    if (!/^[a-z_]+(?:\.[A-Za-z0-9_]+)+$/.test(key) || key.startsWith("cgroup.")) {
      throw invalidArgument(`unified key ${JSON.stringify(key.slice(0, 80))} is not a controller's limit file`);
    }
    if (notLimits.test(key)) throw invalidArgument(`unified key ${key} is a command or a report, not a limit`);
    if (!/^[\x20-\x7e]{1,4096}$/.test(value)) {
      throw invalidArgument(`unified value of ${key} is empty or not one line of printable characters`);
    }
  }
  return unified;
}

function atLeast(value: bigint, minimum: bigint, name: string): number {
  if (value < minimum) throw invalidArgument(`${name} ${value} is negative`);
  return Number(value);
}

function checkCpuList(text: string, name: string): string {
  if (
    text !== "" &&
    (text.length > 4096 || !/^[0-9]{1,6}(?:-[0-9]{1,6})?(?:,[0-9]{1,6}(?:-[0-9]{1,6})?)*$/.test(text))
  ) {
    throw invalidArgument(`${name} ${JSON.stringify(text.slice(0, 80))} is not a list such as "0-3,8"`);
  }
  return text;
}

function checkPageSize(text: string): string {
  if (!/^[1-9][0-9]{0,5}[KMG]B$/.test(text))
    throw invalidArgument(`huge page size ${JSON.stringify(text.slice(0, 40))} is not one such as "2MB"`);
  return text;
}
