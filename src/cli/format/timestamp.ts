/** Nanoseconds since the epoch → RFC 3339 in UTC with all nine digits, as the CRI log format writes them. */
export function rfc3339Nanos(atNs: bigint): string {
  const seconds = atNs / 1_000_000_000n;
  const fraction = (atNs % 1_000_000_000n).toString().padStart(9, "0");
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
