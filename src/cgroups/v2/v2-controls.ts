import type { CgroupResources } from "../../oci/resources/cgroup-resources.ts";
import type { ControlWrite } from "../files/control-write.ts";

/**
 * Limits as cgroup v2 files (kernel Documentation/admin-guide/cgroup-v2.rst). Devices are not among them: v2 has a program
 * for those, see `device-program.ts`. `unified` comes last and so has the last word, as in runc.
 */
export function v2Controls(resources: CgroupResources): readonly ControlWrite[] {
  return [
    ...cpuControls(resources),
    ...memoryControls(resources),
    ...(resources.pidsLimit === undefined
      ? []
      : [control("pids.max", resources.pidsLimit > 0n ? resources.pidsLimit : -1n)]),
    ...(resources.hugepageLimits ?? []).flatMap(({ pageSize, limit }) => [
      control(`hugetlb.${pageSize}.max`, limit, limit === 0n),
      control(`hugetlb.${pageSize}.rsvd.max`, limit, true),
    ]),
    ...[...(resources.unified ?? [])].map(([file, value]) => ({ file, value })),
  ];
}

/** Which controllers the files of `resources` belong to: "memory" of "memory.max". */
export function controllersOf(controls: readonly ControlWrite[]): ReadonlySet<string> {
  return new Set(controls.map(({ file }) => file.slice(0, file.indexOf("."))));
}

function cpuControls({
  cpuShares,
  cpuQuotaUs,
  cpuPeriodUs,
  cpusetCpus,
  cpusetMems,
}: CgroupResources): readonly ControlWrite[] {
  const controls: ControlWrite[] = [];
  if (cpuShares !== undefined && cpuShares > 0n)
    controls.push({ file: "cpu.weight", value: `${cpuWeight(cpuShares)}` });
  if (cpuQuotaUs !== undefined || cpuPeriodUs !== undefined) {
    const quota = cpuQuotaUs === undefined || cpuQuotaUs <= 0n ? "max" : `${cpuQuotaUs}`;
    controls.push({ file: "cpu.max", value: cpuPeriodUs === undefined ? quota : `${quota} ${cpuPeriodUs}` });
  }
  if (cpusetCpus !== undefined) controls.push({ file: "cpuset.cpus", value: cpusetCpus });
  if (cpusetMems !== undefined) controls.push({ file: "cpuset.mems", value: cpusetMems });
  return controls;
}

/**
 * v1 shares (2…262144, default 1024) as v2 weight (1…10000, default 100).
 *
 * The exponential curve through (2, 1), (1024, 100) and (262144, 10000) that runc 1.3.2 and crun 1.23 took up: the linear
 * one before it gave a container of one CPU (1024) weight 39 beside the 100 of everything outside Kubernetes.
 */
export function cpuWeight(shares: bigint): bigint {
  if (shares <= 2n) return 1n;
  if (shares >= 262144n) return 10000n;
  const log = Math.log2(Number(shares));
  const exponent = (log * log + 125 * log) / 612 - 7 / 34;
  // The curve meets 1, 100 and 10000 exactly; rounding errors of doubles must not lift them by one.
  return BigInt(Math.ceil(10 ** exponent - 1e-9));
}

/** memory.max before memory.swap.max; v2 counts swap alone, OCI memory and swap together. */
function memoryControls({ memoryLimit, memorySwap }: CgroupResources): readonly ControlWrite[] {
  const controls: ControlWrite[] = [];
  if (memoryLimit !== undefined) controls.push(control("memory.max", memoryLimit));
  const swap = swapAlone(memoryLimit, memorySwap);
  // Absent when the kernel has no swap.
  if (swap !== undefined) controls.push(control("memory.swap.max", swap, true));
  return controls;
}

function swapAlone(limit: bigint | undefined, both: bigint | undefined): bigint | undefined {
  if (both === undefined) return undefined;
  if (both < 0n) return -1n;
  if (limit === undefined || limit < 0n) return undefined;
  return both - limit;
}

function control(file: string, value: bigint, optional = false): ControlWrite {
  return { file, value: value < 0n ? "max" : `${value}`, optional };
}
