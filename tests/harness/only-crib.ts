import { test } from "bun:test";
import { selectedEngine } from "./select-engine.ts";

/**
 * A test of something crib promises and Debian's containerd 1.6.20 does otherwise. `difference` says how; it is
 * printed with the skipped test when the suite runs against containerd.
 */
export function onlyCrib(difference: string): (name: string, body: () => Promise<void>, timeoutMs?: number) => void {
  if (selectedEngine() === "crib") return (name, body, timeoutMs) => test(name, body, timeoutMs);
  return (name, body) => test.skip(`${name} (containerd: ${difference})`, body);
}
