/** Limits as a request gives them. Zero and "" mean "not set" in every field; -1 means "no limit" where there is one. */
export interface ResourceLimits {
  readonly cpuPeriodUs: bigint;
  readonly cpuQuotaUs: bigint;
  readonly cpuShares: bigint;
  readonly memoryLimitBytes: bigint;
  /** Memory and swap together. */
  readonly memorySwapLimitBytes: bigint;
  readonly oomScoreAdj: bigint;
  /** A list such as "0-3,7". */
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly hugepageLimits: readonly HugepageLimit[];
  /** Files of cgroup v2 and what is written to them. */
  readonly unified: Readonly<Record<string, string>>;
}

export interface HugepageLimit {
  /** Such as "2MB". */
  readonly pageSize: string;
  readonly limitBytes: bigint;
}
