import type { ProcessUse } from "../harness/process-memory.ts";
import { attachAndVanish, echoEverywhere, execAtOnce, floodResizes, runTicking } from "../harness/stream-storm.ts";
import type { TestBed } from "../harness/test-bed.ts";
import { atRest, NOISE_KIB } from "./lifecycle-soak.ts";

export interface StreamSoakOptions {
  readonly vanishing: number;
  readonly parallelExecs: number;
  readonly resizes: number;
  readonly echoedBytes: number;
}

/** What is compiled, and what heaps and pools settle at, before it is measured what stays. */
const warmUpShare = 10;
const vanishingAtOnce = 16;
const firstPort = 8100;

/** Everything clients can do to the streaming server but behave. @returns what was measured. @throws when anything stays */
export async function soakStreams(bed: TestBed, options: StreamSoakOptions): Promise<string> {
  const pod = await bed.runPod();
  const container = await runTicking(bed, pod);
  const storm = async (share: number, port: number): Promise<readonly number[]> => [
    await tookMs(() => attachAndVanish(container, Math.ceil(options.vanishing / share), vanishingAtOnce)),
    await tookMs(() => execAtOnce(container, options.parallelExecs)),
    await tookMs(() => floodResizes(container, "spdy", Math.ceil(options.resizes / share))),
    await tookMs(() => floodResizes(container, "websocket", Math.ceil(options.resizes / share))),
    await tookMs(() => echoEverywhere(container, port, Math.ceil(options.echoedBytes / share))),
  ];
  await storm(warmUpShare, firstPort);
  const early = await atRest(bed.engine.pid);
  const took = await storm(1, firstPort + 10);
  const late = await atRest(bed.engine.pid);
  const [vanished = 0, execs = 0, spdySizes = 0, webSocketSizes = 0, echoes = 0] = took.map((ms) => ms / 1000);
  const shown =
    `${options.vanishing} attached and vanished in ${vanished.toFixed(1)} s; ${options.parallelExecs} execs at once ${execs.toFixed(1)} s; ` +
    `${2 * options.resizes} sizes ${(spdySizes + webSocketSizes).toFixed(1)} s; ` +
    `4 × ${(options.echoedBytes / 2 ** 20).toFixed(0)} MiB there and back ${echoes.toFixed(1)} s; ${inWords(early)} before, ${inWords(late)} after`;
  const grown = late.rssKib - early.rssKib > NOISE_KIB;
  if (grown || late.descriptors > early.descriptors || late.threads > early.threads)
    throw new Error(`left behind: ${shown}`);
  await pod.remove();
  return shown;
}

async function tookMs(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function inWords({ rssKib, descriptors, threads }: ProcessUse): string {
  return `${(rssKib / 1024).toFixed(1)} MiB, ${descriptors} descriptors, ${threads} threads`;
}
