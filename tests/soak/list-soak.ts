import { type CrowdOptions, type CrowdReport, listAsACrowd } from "../harness/list-crowd.ts";
import type { TestBed } from "../harness/test-bed.ts";

/** No list may take longer, however many clients ask: the kubelet's own calls wait in the same daemon. */
const slowestAllowedMs = 250;

/** @returns what was measured, in words. @throws when a stream broke, or a call took longer than any may. */
export async function soakLists(bed: TestBed, options: CrowdOptions): Promise<string> {
  const report = await listAsACrowd(bed, options);
  const shown = `${report.listMs.length} lists of ${Math.round(report.replyBytes / 1024)} KiB, ${inWords(report.listMs)}; pods ${inWords(report.podMs)}`;
  checkCrowd(report, slowestAllowedMs, shown);
  return shown;
}

function checkCrowd({ failures, listMs, podMs }: CrowdReport, allowedMs: number, shown: string): void {
  if (failures.length > 0) throw new Error(`${failures.length} lists broke, the first with ${failures[0]}; ${shown}`);
  const slowest = Math.max(listMs.at(-1) ?? 0, podMs.at(-1) ?? 0);
  if (slowest > allowedMs) throw new Error(`the slowest call took ${slowest.toFixed(0)} ms; ${shown}`);
}

function inWords(ascending: readonly number[]): string {
  const at = (share: number) => (ascending[Math.floor((ascending.length - 1) * share)] ?? 0).toFixed(0);
  return `median ${at(0.5)} ms, 99 % ${at(0.99)} ms, slowest ${at(1)} ms`;
}
