import type { IncomingHttpHeaders } from "node:http2";

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
/** The most a timer takes, in whole hours: a longer one would fire at once. */
const longest = { text: "596H", ms: 596 * 3_600_000 } as const;

/** Cuts a `grpc-timeout` that no timer can hold: a client that would wait a month is not told at once that it is over. */
export function capDeadline(headers: IncomingHttpHeaders): void {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(headers["grpc-timeout"] ?? "")) ?? [];
  if (digits === undefined || unit === undefined) return;
  if (Number(digits) * (unitMs[unit] ?? 0) > longest.ms) headers["grpc-timeout"] = longest.text;
}
