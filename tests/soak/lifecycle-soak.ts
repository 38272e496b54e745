import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import { liveThrough } from "../harness/lifecycle.ts";
import { type ProcessUse, processUse } from "../harness/process-memory.ts";
import type { TestBed } from "../harness/test-bed.ts";

export interface LifecycleReport {
  readonly lifecycles: number;
  readonly tookMs: number;
  /** The daemon after each lifecycle, in order of completion. */
  readonly series: readonly ProcessUse[];
}

/** Lives `count` pods through, `parallel` at a time, and holds the host to look afterwards as before. */
export async function soakLifecycles(bed: TestBed, count: number, parallel: number): Promise<LifecycleReport> {
  const before = hostSnapshot(bed.engine);
  const series: ProcessUse[] = [];
  let next = 0;
  const start = performance.now();
  const worker = async (): Promise<void> => {
    while (next++ < count) {
      await liveThrough(bed);
      series.push(processUse(bed.engine.pid));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  const tookMs = performance.now() - start;
  await expectNoResidue(bed.engine, before);
  return { lifecycles: count, tookMs, series };
}

const WARM_UP = 50;
const WINDOW = 25;
/** What a garbage-collected heap wanders up and down by itself between two windows. */
const NOISE_KIB = 8 * 1024;

/** Growth of the daemon after its first 50 lifecycles; `undefined` when there were too few to say. */
export function growthKib(series: readonly ProcessUse[]): number | undefined {
  if (series.length < WARM_UP + 2 * WINDOW) return undefined;
  const median = (part: readonly ProcessUse[]): number =>
    part.map((use) => use.rssKib).toSorted((a, b) => a - b)[WINDOW >> 1] ?? 0;
  return median(series.slice(-WINDOW)) - median(series.slice(WARM_UP, WARM_UP + WINDOW));
}

export function hasGrown(series: readonly ProcessUse[]): boolean {
  const growth = growthKib(series);
  const first = series[WARM_UP];
  const last = series.at(-1);
  const leaksDescriptors = first !== undefined && last !== undefined && last.descriptors > first.descriptors + 4;
  return leaksDescriptors || (growth !== undefined && growth > NOISE_KIB);
}

/** "31.0 33.5 …": every n-th sample in MiB, at most twelve. */
export function shownSeries(series: readonly ProcessUse[]): string {
  const stride = Math.max(1, Math.ceil(series.length / 12));
  const shown = series.filter((_, index) => index % stride === 0 || index === series.length - 1);
  return shown.map((use) => (use.rssKib / 1024).toFixed(1)).join(" ");
}
