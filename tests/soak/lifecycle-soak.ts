import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import { liveThrough } from "../harness/lifecycle.ts";
import { type ProcessUse, processUse } from "../harness/process-memory.ts";
import type { TestBed } from "../harness/test-bed.ts";

export interface LifecycleReport {
  readonly tookMs: number;
  /** The daemon after each lifecycle, in order of completion. */
  readonly series: readonly ProcessUse[];
  /** The daemon left alone for a moment: after those that warm it up, and after the last. */
  readonly early: ProcessUse;
  readonly late: ProcessUse;
}

/** Lifecycles after which a daemon that has just begun is as it will be. */
export const freshWarmUp = 50;
/**
 * What two looks at the same daemon differ by. Between two collections the heap goes up and down by five times that, so growth is only
 * visible at rest: a leak of 28 KiB a lifecycle shows in 150 of them.
 */
export const NOISE_KIB = 4 * 1024;
/** Long enough for the daemon to see that nobody asks, and to collect. */
const REST_BOUND_MS = 5_000;
const SETTLED_SAMPLES = 8;

/**
 * Lives `count` pods through, `parallel` at a time, and holds the host to look afterwards as before.
 *
 * @param warmUp how many of them come before the first look: 0 for a daemon that has lived through enough.
 */
export async function soakLifecycles(
  bed: TestBed,
  count: number,
  parallel: number,
  warmUp: number,
): Promise<LifecycleReport> {
  const before = hostSnapshot(bed.engine);
  const series: ProcessUse[] = [];
  const start = performance.now();
  await live(bed, warmUp, parallel, series);
  const early = await atRest(bed.engine.pid);
  await live(bed, count - warmUp, parallel, series);
  const tookMs = performance.now() - start;
  const late = await atRest(bed.engine.pid);
  await expectNoResidue(bed.engine, before);
  return { tookMs, series, early, late };
}

async function live(bed: TestBed, count: number, parallel: number, series: ProcessUse[]): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next++ < count) {
      await liveThrough(bed);
      series.push(processUse(bed.engine.pid));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/**
 * The least memory the daemon holds while nobody asks anything of it, once that has stopped falling; descriptors and threads as
 * they are then, for the monitor that waits for the next pod comes a moment after the last.
 */
export async function atRest(pid: number): Promise<ProcessUse> {
  const deadline = performance.now() + REST_BOUND_MS;
  let use = processUse(pid);
  let leastKib = use.rssKib;
  for (let settled = 0; settled < SETTLED_SAMPLES && performance.now() < deadline; settled++) {
    await Bun.sleep(200);
    use = processUse(pid);
    if (use.rssKib < leastKib) {
      leastKib = use.rssKib;
      settled = 0;
    }
  }
  return { ...use, rssKib: leastKib };
}

/** What the daemon holds more at the end than when it was warm, both at rest. */
export function growthKib({ early, late }: LifecycleReport): number {
  return late.rssKib - early.rssKib;
}

export function leaksDescriptors({ early, late }: LifecycleReport): boolean {
  return late.descriptors > early.descriptors;
}

/** Only for a daemon that was warm at the first look. */
export function hasGrown(report: LifecycleReport): boolean {
  return leaksDescriptors(report) || growthKib(report) > NOISE_KIB;
}

/** "31.0 33.5 …": every n-th sample in MiB, at most twelve. */
export function shownSeries(series: readonly ProcessUse[]): string {
  const stride = Math.max(1, Math.ceil(series.length / 12));
  const shown = series.filter((_, index) => index % stride === 0 || index === series.length - 1);
  return shown.map((use) => (use.rssKib / 1024).toFixed(1)).join(" ");
}
