/** Limits of a control group; undefined leaves a limit alone. Sizes in bytes, -1n is unlimited. */
export interface CgroupResources {
  readonly cpuShares?: bigint;
  readonly cpuQuotaUs?: bigint;
  readonly cpuPeriodUs?: bigint;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memoryLimit?: bigint;
  /** Memory plus swap, as cgroup v1 and OCI count it. */
  readonly memorySwap?: bigint;
  readonly pidsLimit?: bigint;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: bigint }[];
  /** cgroup v2 file name → value, validated. */
  readonly unified?: ReadonlyMap<string, string>;
  /** Allow rules after an implicit deny-all; undefined: device access is left as it is. */
  readonly devices?: readonly DeviceRule[];
  readonly devicesAllowAll?: boolean;
}

export interface DeviceRule {
  readonly type: "c" | "b" | "a";
  /** undefined: any. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Subset of "rwm". */
  readonly access: string;
}
