import { create } from "@bufbuild/protobuf";
import type { LinuxContainerResources } from "../../gen/runtime/v1/api_pb.ts";
import { LinuxContainerResourcesSchema } from "../../gen/runtime/v1/api_pb.ts";
import { deepFrozen } from "../../spec/deep-frozen.ts";
import type { ResourceLimits } from "../../spec/resource-limits.ts";
import { checkLinuxResources } from "../validate/resources.ts";

/** @throws {CribError} invalid-argument naming the field. */
export function parseResourceLimits(message: LinuxContainerResources, field: string): ResourceLimits {
  checkLinuxResources(message, field);
  return deepFrozen(toResourceLimits(message));
}

export function toResourceLimits(message: LinuxContainerResources): ResourceLimits {
  return {
    cpuPeriodUs: message.cpuPeriod,
    cpuQuotaUs: message.cpuQuota,
    cpuShares: message.cpuShares,
    memoryLimitBytes: message.memoryLimitInBytes,
    memorySwapLimitBytes: message.memorySwapLimitInBytes,
    oomScoreAdj: message.oomScoreAdj,
    cpusetCpus: message.cpusetCpus,
    cpusetMems: message.cpusetMems,
    hugepageLimits: message.hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limitBytes: limit })),
    unified: { ...message.unified },
  };
}

export function fromResourceLimits(limits: ResourceLimits): LinuxContainerResources {
  return create(LinuxContainerResourcesSchema, {
    cpuPeriod: limits.cpuPeriodUs,
    cpuQuota: limits.cpuQuotaUs,
    cpuShares: limits.cpuShares,
    memoryLimitInBytes: limits.memoryLimitBytes,
    memorySwapLimitInBytes: limits.memorySwapLimitBytes,
    oomScoreAdj: limits.oomScoreAdj,
    cpusetCpus: limits.cpusetCpus,
    cpusetMems: limits.cpusetMems,
    hugepageLimits: limits.hugepageLimits.map(({ pageSize, limitBytes }) => ({ pageSize, limit: limitBytes })),
    unified: { ...limits.unified },
  });
}
