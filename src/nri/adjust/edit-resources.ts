import { failedPrecondition } from "../../errors/crib-error.ts";
import type { LinuxCPU, LinuxMemory, LinuxResources } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { SpecResources } from "../../oci/runtime-spec.ts";
import type { Claims } from "./claims.ts";

/**
 * The limits with a plugin's wishes in them.
 *
 * @throws {CribError} failed-precondition for what another plugin has set and for limits crib has no control group file for.
 */
export function editResources(
  current: SpecResources,
  wishes: LinuxResources | undefined,
  claims: Claims,
  plugin: string,
): SpecResources {
  if (wishes === undefined) return current;
  refuseUnknown(wishes, plugin);
  const cpu = { ...current.cpu, ...cpuOf(wishes.cpu, claims, plugin) };
  const memory = { ...current.memory, ...memoryOf(wishes.memory, claims, plugin) };
  if (wishes.pids !== undefined) claims.claim(plugin, "pids limit");
  const unified = { ...current.unified };
  for (const [key, value] of Object.entries(wishes.unified)) {
    claims.claim(plugin, "unified", key);
    unified[key] = value;
  }
  return {
    ...current,
    devices: [...current.devices, ...deviceRulesOf(wishes)],
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(wishes.pids !== undefined && { pids: { limit: Number(wishes.pids.limit) } }),
    ...hugepagesOf(current, wishes, claims, plugin),
    ...(Object.keys(unified).length > 0 && { unified }),
  };
}

function cpuOf(wishes: LinuxCPU | undefined, claims: Claims, plugin: string): NonNullable<SpecResources["cpu"]> {
  if (wishes === undefined) return {};
  const { shares, quota, period, cpus, mems } = wishes;
  if (shares !== undefined) claims.claim(plugin, "cpu shares");
  if (quota !== undefined) claims.claim(plugin, "cpu quota");
  if (period !== undefined) claims.claim(plugin, "cpu period");
  if (cpus !== "") claims.claim(plugin, "cpuset cpus");
  if (mems !== "") claims.claim(plugin, "cpuset mems");
  return {
    ...(shares !== undefined && { shares: Number(shares.value) }),
    ...(quota !== undefined && { quota: Number(quota.value) }),
    ...(period !== undefined && { period: Number(period.value) }),
    ...(cpus !== "" && { cpus }),
    ...(mems !== "" && { mems }),
  };
}

/** A memory limit without one for swap sets both, as containerd does: a container must not gain swap by it. */
function memoryOf(
  wishes: LinuxMemory | undefined,
  claims: Claims,
  plugin: string,
): NonNullable<SpecResources["memory"]> {
  const limit = wishes?.limit;
  const swap = wishes?.swap ?? limit;
  if (limit !== undefined) claims.claim(plugin, "memory limit");
  if (wishes?.swap !== undefined) claims.claim(plugin, "memory swap limit");
  return {
    ...(limit !== undefined && { limit: Number(limit.value) }),
    ...(swap !== undefined && { swap: Number(swap.value) }),
  };
}

function hugepagesOf(
  current: SpecResources,
  wishes: LinuxResources,
  claims: Claims,
  plugin: string,
): Pick<SpecResources, "hugepageLimits"> {
  if (wishes.hugepageLimits.length === 0) return {};
  const limits = new Map((current.hugepageLimits ?? []).map(({ pageSize, limit }) => [pageSize, limit]));
  for (const { pageSize, limit } of wishes.hugepageLimits) {
    claims.claim(plugin, "hugepage limit", pageSize);
    limits.set(pageSize, Number(limit));
  }
  return { hugepageLimits: [...limits].map(([pageSize, limit]) => ({ pageSize, limit })) };
}

function deviceRulesOf({ devices }: LinuxResources): SpecResources["devices"] {
  return devices.map(({ allow, type, major, minor, access }) => ({
    allow,
    ...((type === "a" || type === "b" || type === "c") && { type }),
    ...(major !== undefined && { major: Number(major.value) }),
    ...(minor !== undefined && { minor: Number(minor.value) }),
    access,
  }));
}

function refuseUnknown({ cpu, memory, blockioClass, rdtClass }: LinuxResources, plugin: string): void {
  const asked = [
    cpu?.realtimeRuntime !== undefined && "cpu.realtime_runtime",
    cpu?.realtimePeriod !== undefined && "cpu.realtime_period",
    memory?.reservation !== undefined && "memory.reservation",
    memory?.kernel !== undefined && "memory.kernel",
    memory?.kernelTcp !== undefined && "memory.kernel_tcp",
    memory?.swappiness !== undefined && "memory.swappiness",
    memory?.disableOomKiller !== undefined && "memory.disable_oom_killer",
    memory?.useHierarchy !== undefined && "memory.use_hierarchy",
    blockioClass !== undefined && "blockio_class",
    rdtClass !== undefined && "rdt_class",
  ].filter((name) => name !== false);
  if (asked.length > 0) {
    throw failedPrecondition(
      `plugin ${JSON.stringify(plugin)} asks for ${asked.join(", ")}, which crib does not set: use "unified" on cgroup v2, or stop the plugin`,
    );
  }
}
