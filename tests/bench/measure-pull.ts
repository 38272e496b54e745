import { processUse } from "../harness/process-memory.ts";
import type { TestBed } from "../harness/test-bed.ts";

export interface PullUse {
  readonly tookMs: number;
  /** How far the daemon's resident memory rose above where it stood before. */
  readonly rssGrowthMib: number;
}

const SAMPLE_MS = 20;

/**
 * Pulls and unpacks `reference`, of which the engine has nothing yet. It stays until all is measured: for minutes after files
 * were removed, ext4 without a journal searches long for each new inode, whoever makes it.
 */
export async function measurePull(bed: TestBed, reference: string): Promise<PullUse> {
  const image = { image: reference };
  // A pull that syncs its filesystem must not pay for what another, or a registry, has left in the page cache.
  Bun.spawnSync(["sync"]);
  const before = processUse(bed.engine.pid).rssKib;
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, processUse(bed.engine.pid).rssKib);
  }, SAMPLE_MS);
  try {
    const start = performance.now();
    await bed.cri.images.pullImage({ image });
    return { tookMs: performance.now() - start, rssGrowthMib: (peak - before) / 1024 };
  } finally {
    clearInterval(sampler);
  }
}
