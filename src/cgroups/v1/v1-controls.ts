import type { CgroupResources, DeviceRule } from "../../oci/resources/cgroup-resources.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { type ControlWrite, writeControl, writePair } from "../files/control-write.ts";

/** Writes one v1 controller's part of the limits into the group at `directory`. */
type ApplyControls = (files: CgroupFiles, directory: string, resources: CgroupResources) => void;

/** cgroup v1 controllers that limit something (kernel Documentation/admin-guide/cgroup-v1). */
export const v1Controls: Readonly<Record<string, ApplyControls>> = {
  cpu: applyCpu,
  cpuset: applyCpuset,
  memory: applyMemory,
  devices: applyDevices,
  pids: applyPids,
  hugetlb: applyHugetlb,
};

function applyCpu(files: CgroupFiles, directory: string, resources: CgroupResources): void {
  const write = (control: ControlWrite) => writeControl(files, directory, control);
  if (resources.cpuShares !== undefined) write({ file: "cpu.shares", value: `${resources.cpuShares}` });
  const period =
    resources.cpuPeriodUs === undefined ? undefined : { file: "cpu.cfs_period_us", value: `${resources.cpuPeriodUs}` };
  const quota =
    resources.cpuQuotaUs === undefined ? undefined : { file: "cpu.cfs_quota_us", value: `${resources.cpuQuotaUs}` };
  if (period !== undefined && quota !== undefined) writePair(period, quota, write);
  else if (period !== undefined) write(period);
  else if (quota !== undefined) write(quota);
}

function applyCpuset(files: CgroupFiles, directory: string, resources: CgroupResources): void {
  if (resources.cpusetCpus !== undefined)
    writeControl(files, directory, { file: "cpuset.cpus", value: resources.cpusetCpus });
  if (resources.cpusetMems !== undefined)
    writeControl(files, directory, { file: "cpuset.mems", value: resources.cpusetMems });
}

/** The kernel keeps limit ≤ limit+swap at every instant, so raising and lowering need opposite orders. */
function applyMemory(files: CgroupFiles, directory: string, resources: CgroupResources): void {
  const write = (control: ControlWrite) => writeControl(files, directory, control);
  const memory = limit("memory.limit_in_bytes", resources.memoryLimit);
  // Absent without swap accounting (CONFIG_SWAP off, or swapaccount=0 before Linux 6.2).
  const swap = limit("memory.memsw.limit_in_bytes", resources.memorySwap, true);
  if (memory !== undefined && swap !== undefined) writePair(memory, swap, write);
  else if (memory !== undefined) write(memory);
  else if (swap !== undefined) write(swap);
}

function limit(file: string, value: bigint | undefined, optional = false): ControlWrite | undefined {
  return value === undefined ? undefined : { file, value: `${value}`, optional };
}

/** Deny first, then allow: on a live group there is a moment of too little, never one of too much (V27). */
function applyDevices(files: CgroupFiles, directory: string, resources: CgroupResources): void {
  if (resources.devicesAllowAll === true) {
    files.write(`${directory}/devices.allow`, "a");
    return;
  }
  if (resources.devices === undefined) return;
  files.write(`${directory}/devices.deny`, "a");
  if (resources.devices.length > 0) files.writeEach(`${directory}/devices.allow`, resources.devices.map(deviceLine));
}

function deviceLine({ type, major, minor, access }: DeviceRule): string {
  return `${type} ${major ?? "*"}:${minor ?? "*"} ${access}`;
}

function applyPids(files: CgroupFiles, directory: string, { pidsLimit }: CgroupResources): void {
  if (pidsLimit === undefined) return;
  writeControl(files, directory, { file: "pids.max", value: pidsLimit > 0n ? `${pidsLimit}` : "max" });
}

/** The kubelet names every page size it knows, with 0 for none; the kernel may lack one of them. */
function applyHugetlb(files: CgroupFiles, directory: string, resources: CgroupResources): void {
  for (const { pageSize, limit: bytes } of resources.hugepageLimits ?? []) {
    writeControl(files, directory, {
      file: `hugetlb.${pageSize}.limit_in_bytes`,
      value: `${bytes}`,
      optional: bytes === 0n,
    });
    writeControl(files, directory, {
      file: `hugetlb.${pageSize}.rsvd.limit_in_bytes`,
      value: `${bytes}`,
      optional: true,
    });
  }
}
