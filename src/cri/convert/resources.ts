import { create } from "@bufbuild/protobuf";
import type { LinuxContainerResources } from "../../gen/runtime/v1/api_pb.ts";
import { HugepageLimitSchema, LinuxContainerResourcesSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerRecord } from "../../state/records.ts";
import { fromResourceLimits } from "../spec/resource-limits.ts";

/** The limits in force: the spec's, which updates change, over what the container was created with. */
export function toResources({ config, spec }: ContainerRecord): LinuxContainerResources {
  const limits = config.linux?.resources;
  const asked = limits === undefined ? create(LinuxContainerResourcesSchema) : fromResourceLimits(limits);
  const { cpu, memory, hugepageLimits, unified } = spec.linux.resources;
  return {
    ...asked,
    ...(cpu?.shares !== undefined && { cpuShares: BigInt(cpu.shares) }),
    ...(cpu?.quota !== undefined && { cpuQuota: BigInt(cpu.quota) }),
    ...(cpu?.period !== undefined && { cpuPeriod: BigInt(cpu.period) }),
    ...(cpu?.cpus !== undefined && { cpusetCpus: cpu.cpus }),
    ...(cpu?.mems !== undefined && { cpusetMems: cpu.mems }),
    ...(memory?.limit !== undefined && { memoryLimitInBytes: BigInt(memory.limit) }),
    ...(memory?.swap !== undefined && { memorySwapLimitInBytes: BigInt(memory.swap) }),
    ...(spec.process.oomScoreAdj !== undefined && { oomScoreAdj: BigInt(spec.process.oomScoreAdj) }),
    ...(hugepageLimits !== undefined && {
      hugepageLimits: hugepageLimits.map(({ pageSize, limit }) =>
        create(HugepageLimitSchema, { pageSize, limit: BigInt(limit) }),
      ),
    }),
    ...(unified !== undefined && { unified: { ...unified } }),
  };
}
