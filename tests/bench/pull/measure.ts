import type { TestBed } from "../../harness/test-bed.ts";
import { Samples } from "../statistics.ts";
import type { EngineGroup } from "./engine-group.ts";

/** One engine that pulls. */
export interface PullContender {
  readonly name: string;
  readonly bed: TestBed;
  readonly group: EngineGroup;
}

export interface PullCost {
  readonly wallMs: number;
  /** Of the engine and its helpers, what it does after its answer included. */
  readonly cpuSeconds: number;
  readonly rssGrowthMib: number;
  readonly removalMs: number;
}

export interface PullFeel {
  readonly toRunningMs: number;
  readonly versionP99Ms: number;
}

const sampleMs = 20;
const probeMs = 5;
/** Engines that sync or collect after their answer have begun by then, and `sync` waits for the end of it. */
const afterwardsMs = 2_500;

/** A cold pull with nothing beside it, and its removal. */
export async function measureCost({ bed, group }: PullContender, reference: string): Promise<PullCost> {
  const image = { image: reference };
  settle();
  const cpuBefore = group.cpuSeconds();
  const rssBefore = group.rssMib();
  let rssPeak = rssBefore;
  const sampler = setInterval(() => {
    rssPeak = Math.max(rssPeak, group.rssMib());
  }, sampleMs);
  const start = performance.now();
  try {
    await bed.cri.images.pullImage({ image });
  } finally {
    clearInterval(sampler);
  }
  const wallMs = performance.now() - start;
  await Bun.sleep(afterwardsMs);
  settle();
  const cpuSeconds = group.cpuSeconds() - cpuBefore;
  return { wallMs, cpuSeconds, rssGrowthMib: rssPeak - rssBefore, removalMs: await remove(bed, reference) };
}

/** A cold pull as a kubelet does it: its pod waits for the image, and others ask things meanwhile. */
export async function measureFeel({ bed }: PullContender, reference: string): Promise<PullFeel> {
  const pod = await bed.runPod();
  settle();
  const probes = probeVersion(bed);
  const start = performance.now();
  await bed.cri.images.pullImage({ image: { image: reference } });
  const versionP99Ms = await probes.end();
  const container = await bed.run(pod, { imageReference: reference });
  const toRunningMs = performance.now() - start;
  await container.stop();
  await pod.stop();
  await pod.remove();
  await remove(bed, reference);
  return { toRunningMs, versionP99Ms };
}

function probeVersion(bed: TestBed): { end(): Promise<number> } {
  const took = new Samples();
  let ended = false;
  const loop = (async (): Promise<void> => {
    while (!ended) {
      const asked = performance.now();
      await bed.cri.runtime.version({});
      took.add(performance.now() - asked);
      await Bun.sleep(probeMs);
    }
  })();
  return {
    end: async () => {
      ended = true;
      await loop;
      return took.quantile(0.99);
    },
  };
}

async function remove(bed: TestBed, reference: string): Promise<number> {
  const start = performance.now();
  await bed.cri.images.removeImage({ image: { image: reference } });
  return performance.now() - start;
}

/** Nobody's earlier writes are in the next one's way. */
function settle(): void {
  Bun.spawnSync(["sync"]);
}
