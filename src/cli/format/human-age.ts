const steps = [
  { name: "d", ms: 86_400_000, until: Number.POSITIVE_INFINITY },
  { name: "h", ms: 3_600_000, until: 48 * 3_600_000 },
  { name: "m", ms: 60_000, until: 120 * 60_000 },
  { name: "s", ms: 1000, until: 120_000 },
] as const;

/** 93 s → `93s`, 5 min → `5m`, 3 days → `3d`: one unit, switched at two of the next. A negative span (clock set back) is `0s`. */
export function humanSpan(ms: number): string {
  const span = Math.max(0, ms);
  const step = steps.findLast((candidate) => span < candidate.until) ?? steps[0];
  return `${Math.floor(span / step.ms)}${step.name}`;
}

/** Age of a moment in nanoseconds since the epoch; `-` for zero, which the CRI uses for "never". */
export function humanAge(atNs: bigint, nowNs: bigint): string {
  return atNs === 0n ? "-" : humanSpan(Number((nowNs - atNs) / 1_000_000n));
}
