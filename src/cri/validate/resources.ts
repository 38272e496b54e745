import { invalidArgument } from "../../errors/crib-error.ts";
import type { LinuxContainerResources } from "../../gen/runtime/v1/api_pb.ts";
import { checkRange } from "./fields.ts";

const highest = 2n ** 63n - 1n;

/** @throws {CribError} invalid-argument; zero means "not set" in every numeric field. */
export function checkLinuxResources(resources: LinuxContainerResources, field: string): void {
  checkRange(resources.cpuPeriod, `${field}.cpu_period`, 0n, 1_000_000n);
  checkRange(resources.cpuQuota, `${field}.cpu_quota`, -1n, highest);
  checkRange(resources.cpuShares, `${field}.cpu_shares`, 0n, highest);
  checkRange(resources.memoryLimitInBytes, `${field}.memory_limit_in_bytes`, -1n, highest);
  checkRange(resources.memorySwapLimitInBytes, `${field}.memory_swap_limit_in_bytes`, -1n, highest);
  checkRange(resources.oomScoreAdj, `${field}.oom_score_adj`, -1000n, 1000n);
  checkCpuList(resources.cpusetCpus, `${field}.cpuset_cpus`);
  checkCpuList(resources.cpusetMems, `${field}.cpuset_mems`);
  for (const { pageSize } of resources.hugepageLimits) {
    if (!/^[1-9][0-9]*(?:B|KB|MB|GB)$/.test(pageSize)) {
      throw invalidArgument(`${field}.hugepage_limits: ${JSON.stringify(pageSize)} is not a page size such as "2MB"`);
    }
  }
  for (const file of Object.keys(resources.unified)) {
    if (!/^[a-z0-9_]+(?:\.[A-Za-z0-9_]+)+$/.test(file)) {
      throw invalidArgument(`${field}.unified: ${JSON.stringify(file)} is not a cgroup file such as "memory.high"`);
    }
  }
}

function checkCpuList(value: string, field: string): void {
  if (!/^(?:[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)?$/.test(value)) {
    throw invalidArgument(`${field} ${JSON.stringify(value.slice(0, 120))} is not a list such as "0-3,7"`);
  }
}
