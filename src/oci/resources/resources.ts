import { invalidArgument } from "../../errors/crib-error.ts";
import type { RuntimeSpec, SpecDeviceRule, SpecResources } from "../runtime-spec.ts";
import type { CgroupResources, DeviceRule } from "./cgroup-resources.ts";

/** The limits a container's cgroup is made with: the spec is the one document, also after plugins have edited it. */
export function cgroupResourcesOfSpec(spec: RuntimeSpec): CgroupResources {
  return { ...limitsOfSpec(spec.linux.resources), ...devicesOf(spec.linux.resources.devices) };
}

/**
 * What an update writes: what was asked for, and with it those it is bound to. A quota means nothing without its period, nor
 * swap without memory: v2 has one file for the former, and counts swap alone.
 *
 * @param requested what the request sets, @param merged that and what was there before.
 */
export function updatedLimits(requested: SpecResources, merged: SpecResources): CgroupResources {
  const { cpu, memory } = requested;
  const bandwidth = cpu?.quota !== undefined || cpu?.period !== undefined;
  return limitsOfSpec({
    ...requested,
    ...(cpu !== undefined && { cpu: { ...(bandwidth && bandwidthOf(merged)), ...cpu } }),
    ...(memory !== undefined && merged.memory !== undefined && { memory: merged.memory }),
  });
}

/** The spec's limits with the values that are in force. */
export function withLimitsInForce(resources: SpecResources, taken: CgroupResources): SpecResources {
  const { cpu, memory } = resources;
  return {
    ...resources,
    ...(cpu !== undefined && {
      cpu: {
        ...cpu,
        ...(taken.cpuShares !== undefined && { shares: Number(taken.cpuShares) }),
        ...(taken.cpuQuotaUs !== undefined && { quota: Number(taken.cpuQuotaUs) }),
        ...(taken.cpuPeriodUs !== undefined && { period: Number(taken.cpuPeriodUs) }),
        ...(taken.cpusetCpus !== undefined && { cpus: taken.cpusetCpus }),
        ...(taken.cpusetMems !== undefined && { mems: taken.cpusetMems }),
      },
    }),
    ...(memory !== undefined && {
      memory: {
        ...memory,
        ...(taken.memoryLimit !== undefined && { limit: Number(taken.memoryLimit) }),
        ...(taken.memorySwap !== undefined && { swap: Number(taken.memorySwap) }),
      },
    }),
  };
}

function bandwidthOf({ cpu }: SpecResources): NonNullable<SpecResources["cpu"]> {
  return {
    ...(cpu?.quota !== undefined && { quota: cpu.quota }),
    ...(cpu?.period !== undefined && { period: cpu.period }),
  };
}

/** Zero is "not set" in the CRI, so that a swap limit can come without one of memory: there is nothing to count it from. */
function checkSwap({ limit, swap }: NonNullable<SpecResources["memory"]>): void {
  if (swap === undefined || swap < 0) return;
  if (limit === undefined || limit < 0) {
    throw invalidArgument(
      `memory_swap_limit_in_bytes ${swap} counts memory and swap together: it needs a memory limit`,
    );
  }
  if (swap < limit) {
    throw invalidArgument(
      `memory_swap_limit_in_bytes ${swap} counts memory and swap together: it cannot be below memory_limit_in_bytes ${limit}`,
    );
  }
}

/**
 * All limits of a spec; device access is left out.
 *
 * @throws {CribError} invalid-argument naming the limit.
 */
export function limitsOfSpec(resources: SpecResources): CgroupResources {
  const { cpu, memory, pids, hugepageLimits, unified } = resources;
  if (memory !== undefined) checkSwap(memory);
  return {
    ...(cpu?.shares !== undefined && { cpuShares: BigInt(cpu.shares) }),
    ...(cpu?.quota !== undefined && { cpuQuotaUs: BigInt(cpu.quota) }),
    ...(cpu?.period !== undefined && { cpuPeriodUs: BigInt(cpu.period) }),
    ...(cpu?.cpus !== undefined && { cpusetCpus: cpu.cpus }),
    ...(cpu?.mems !== undefined && { cpusetMems: cpu.mems }),
    ...(memory?.limit !== undefined && { memoryLimit: BigInt(memory.limit) }),
    ...(memory?.swap !== undefined && { memorySwap: BigInt(memory.swap) }),
    ...(pids !== undefined && { pidsLimit: BigInt(pids.limit) }),
    ...unifiedPids(unified),
    ...(hugepageLimits !== undefined && {
      hugepageLimits: hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limit: BigInt(limit) })),
    }),
    ...unifiedRest(unified),
  };
}

/** The CRI has no field for pids: `unified["pids.max"]` is how clients ask, and every cgroup version can hold it. */
const pidsKey = "pids.max";

function unifiedPids(unified: SpecResources["unified"]): Pick<CgroupResources, "pidsLimit"> {
  const value = unified?.[pidsKey];
  if (value === undefined) return {};
  if (value === "max") return { pidsLimit: -1n };
  if (!/^[1-9][0-9]{0,9}$/.test(value))
    throw invalidArgument(`unified ${pidsKey} ${JSON.stringify(value)} is neither a count nor "max"`);
  return { pidsLimit: BigInt(value) };
}

function unifiedRest(unified: SpecResources["unified"]): Pick<CgroupResources, "unified"> {
  const rest = Object.entries(unified ?? {}).filter(([key]) => key !== pidsKey);
  return rest.length === 0 ? {} : { unified: new Map(rest) };
}

/** The spec's list reads top to bottom, last match deciding; crib writes "all" or "nothing, then these". */
function devicesOf(rules: readonly SpecDeviceRule[]): Pick<CgroupResources, "devices" | "devicesAllowAll"> {
  const lastGeneral = rules.findLastIndex((rule) => rule.type === undefined || rule.type === "a");
  if (lastGeneral >= 0 && rules[lastGeneral]?.allow === true) return { devicesAllowAll: true };
  return {
    devices: rules
      .slice(lastGeneral + 1)
      .filter((rule) => rule.allow)
      .map(deviceRule),
  };
}

function deviceRule(rule: SpecDeviceRule): DeviceRule {
  return { type: rule.type ?? "a", major: rule.major, minor: rule.minor, access: rule.access ?? "rwm" };
}
