import { readFileSync } from "node:fs";

/** Milliseconds since the machine was booted, suspended time included: the same for every process, and no clock change moves it. */
export function readUptimeMs(): number {
  return Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1_000;
}
