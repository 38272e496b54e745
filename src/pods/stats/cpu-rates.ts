import type { CgroupStats } from "../../cgroups/port.ts";

interface Sample {
  readonly timestampNs: bigint;
  readonly usageNs: bigint;
  readonly nanoCores: bigint | undefined;
}

/** Shorter windows measure the scheduler's tick, not the workload. */
const minimumWindowNs = 100_000_000n;

/** Turns cumulative CPU time into a rate, between the samples that clients ask for. */
export class CpuRates {
  readonly #samples = new Map<string, Sample>();

  /** Nanocores used since the previous sample of `key`; undefined for the first. A sample too close returns the previous rate. */
  rate(key: string, stats: CgroupStats): bigint | undefined {
    if (stats.cpuUsageNs === undefined) return undefined;
    const previous = this.#samples.get(key);
    const elapsed = previous === undefined ? 0n : stats.timestampNs - previous.timestampNs;
    if (previous !== undefined && elapsed < minimumWindowNs) return previous.nanoCores;
    const used = previous === undefined ? 0n : stats.cpuUsageNs - previous.usageNs;
    const nanoCores = previous === undefined ? undefined : used < 0n ? 0n : (used * 1_000_000_000n) / elapsed;
    this.#samples.set(key, { timestampNs: stats.timestampNs, usageNs: stats.cpuUsageNs, nanoCores });
    return nanoCores;
  }

  forget(key: string): void {
    this.#samples.delete(key);
  }
}
