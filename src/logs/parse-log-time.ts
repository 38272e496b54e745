import type { UnixNanos } from "../ids/units.ts";

const pattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339 with up to nine fraction digits → nanoseconds since the epoch; undefined when it is not that. */
export function parseLogTime(text: string): UnixNanos | undefined {
  const match = pattern.exec(text);
  const ms = Date.parse(`${match?.[1]}${match?.[3]}`);
  if (match === null || Number.isNaN(ms)) return undefined;
  return (BigInt(ms) * 1_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"))) as UnixNanos;
}
