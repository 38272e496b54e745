import { invalidArgument } from "../errors/crib-error.ts";
import type { LinuxContainerResources } from "../gen/runtime/v1/api_pb.ts";
import type { CgroupResources, DeviceRule } from "./cgroup-resources.ts";
import type { RuntimeSpec, SpecDeviceRule, SpecResources } from "./runtime-spec.ts";
import { specResources } from "./spec-resources.ts";

/** The limits a container's cgroup is made with: the spec is the one document, whoever edited it. */
export function cgroupResourcesOfSpec(spec: RuntimeSpec): CgroupResources {
  return { ...limitsOf(spec.linux.resources), ...devicesOf(spec.linux.resources.devices) };
}

/**
 * Limits of a request alone (a pod's group, an update): device access is left as it is.
 *
 * @throws {CribError} invalid-argument naming the limit.
 */
export function cgroupResources(limits: LinuxContainerResources | undefined): CgroupResources {
  return limitsOf(specResources(limits, []));
}

function limitsOf(resources: SpecResources): CgroupResources {
  const { cpu, memory, pids, hugepageLimits, unified } = resources;
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
