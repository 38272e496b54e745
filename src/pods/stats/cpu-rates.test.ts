import { expect, test } from "bun:test";
import type { CgroupStats } from "../../cgroups/port.ts";
import { CpuRates } from "./cpu-rates.ts";

function sample(seconds: number, usedSeconds: number): CgroupStats {
  return {
    timestampNs: BigInt(seconds * 1000) * 1_000_000n,
    cpuUsageNs: BigInt(usedSeconds * 1000) * 1_000_000n,
  } as CgroupStats;
}

test("CpuRates.rate needs two samples, then gives nanocores", () => {
  const rates = new CpuRates();
  expect(rates.rate("a", sample(10, 1))).toBeUndefined();
  expect(rates.rate("a", sample(12, 2))).toBe(500_000_000n);
});

test("CpuRates.rate repeats the last rate for samples too close to measure", () => {
  const rates = new CpuRates();
  rates.rate("a", sample(10, 1));
  rates.rate("a", sample(12, 2));
  expect(rates.rate("a", sample(12.01, 5))).toBe(500_000_000n);
});

test("CpuRates.rate starts over when the counter went back", () => {
  const rates = new CpuRates();
  rates.rate("a", sample(10, 5));
  expect(rates.rate("a", sample(12, 1))).toBe(0n);
});
