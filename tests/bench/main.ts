/**
 * `bun tests/bench/main.ts [--rounds N] [--pods N] [--only crib|containerd] [--smoke] [--json]`
 *
 * Measures crib beside containerd in one alternating run: same images from one registry, same cgroup driver, state
 * directories on a tmpfs as /run is, and the kubelet's own client code over one connection each (its share of every call is the same on both sides). Exits 0 also when a budget is missed.
 */
import { buildLargeImage } from "../fixtures/test-images.ts";
import type { EngineKind } from "../harness/engine.ts";
import { sharedRegistry } from "../harness/registry.ts";
import { say, sayProgress } from "../harness/say.ts";
import { TestBed } from "../harness/test-bed.ts";
import { buildKubeletClient } from "../kubelet-client/build-kubelet-client.ts";
import { buildPeers } from "../peers/build-peers.ts";
import { type Connection, type Contender, contender } from "./contender.ts";
import { machineLine } from "./machine.ts";
import { type LifecycleTimes, measureLifecycles, type Operation, operations } from "./measure-lifecycle.ts";
import { type DensityUse, measureDensity, measureMemory, settledRssMib } from "./measure-memory.ts";
import { measurePull } from "./measure-pull.ts";
import { measureThroughput } from "./measure-throughput.ts";
import { parseOptions } from "./options.ts";
import { judge, type Row, table } from "./report.ts";
import { Samples } from "./statistics.ts";

const options = parseOptions(process.argv.slice(2));
const { engines } = options;
const progress = (text: string): void => sayProgress(`· ${text}`);

/** The engine to beat is the one of today, not Debian's. */
const peers = engines.includes("containerd") ? buildPeers() : undefined;

const beds: TestBed[] = [];
const contenders: Contender[] = [];
async function openBed(kind: EngineKind, network: "builtin" | "cni"): Promise<TestBed> {
  const bed = new TestBed(kind);
  beds.push(bed);
  // Images come after the idle daemon has been measured.
  await bed.open({ network, stateInMemory: true, images: [], ...(peers === undefined ? {} : { peers }) });
  return bed;
}

/** Per engine, a value; lets rows be written without asking who was measured. */
type PerEngine<T> = Partial<Record<EngineKind, T>>;

function row(id: string, what: string, unit: Row["unit"], values: PerEngine<number>, p99: PerEngine<number> = {}): Row {
  return {
    id,
    what,
    unit,
    crib: values.crib,
    containerd: values.containerd,
    cribP99: p99.crib,
    containerdP99: p99.containerd,
  };
}

const titles = {
  runPodSandbox: "RunPodSandbox",
  createContainer: "CreateContainer",
  startContainer: "StartContainer",
  podToRunning: "pod to running",
  execSync: "ExecSync true",
  stopContainer: "StopContainer, grace 0",
  stopPodSandbox: "StopPodSandbox",
  removePodSandbox: "RemovePodSandbox",
} as const satisfies Record<Operation, string>;

const networks = {
  builtin: "built-in network / CNI bridge",
  cni: "same CNI bridge + portmap",
  host: "host network",
} as const satisfies Record<Connection, string>;

function lifecycleRows(results: ReadonlyMap<Contender, LifecycleTimes>): readonly Row[] {
  const connections: readonly Connection[] = ["builtin", "cni", "host"];
  return connections.flatMap((connection) =>
    operations.map((operation) => {
      const p50: PerEngine<number> = {};
      const p99: PerEngine<number> = {};
      for (const [entry, times] of results) {
        // containerd's one CNI contender stands against both of crib's ways.
        const stands = entry.engine === "containerd" && connection === "builtin" ? "cni" : connection;
        if (entry.connection !== stands) continue;
        p50[entry.engine] = times[operation].quantile(0.5);
        p99[entry.engine] = times[operation].quantile(0.99);
      }
      return row(`${connection}.${operation}`, `${networks[connection]}: ${titles[operation]}`, "ms", p50, p99);
    }),
  );
}

async function measure(): Promise<readonly Row[]> {
  // Several engines run at once: each can only answer for what carries its own names.
  process.env.CRIB_TEST_SHARED_HOST = "1";
  const program = buildKubeletClient();
  const registry = await sharedRegistry();
  const main = new Map<EngineKind, Contender>();
  const idle: PerEngine<number> = {};
  for (const engine of engines) {
    const bed = await openBed(engine, engine === "crib" ? "builtin" : "cni");
    const first = contender(bed, engine === "crib" ? "builtin" : "cni", program);
    idle[engine] = await settledRssMib(bed.engine.pid);
    main.set(engine, first);
    contenders.push(first, contender(bed, "host", program));
    if (engine === "crib") contenders.push(contender(await openBed(engine, "cni"), "cni", program));
  }

  for (const bed of beds) await bed.pull("busybox");

  progress(
    `${options.rounds} rounds of lifecycles: ${contenders.map((entry) => `${entry.engine}/${entry.connection}`).join(", ")}`,
  );
  const rows: Row[] = [...lifecycleRows(await measureLifecycles(contenders, options))];

  progress(`${options.throughputLifecycles} lifecycles, ${options.parallel} at once`);
  const rates = new Map([...main.keys()].map((engine) => [engine, new Samples()]));
  for (let round = 0; round < options.throughputRounds; round++) {
    for (const [engine, entry] of main) {
      rates.get(engine)?.add(await measureThroughput(entry, options.throughputLifecycles, options.parallel));
    }
  }
  const rate = Object.fromEntries([...rates].map(([engine, samples]) => [engine, samples.quantile(0.5)]));
  rows.push(row("lifecyclesPerSecond", `lifecycles, ${options.parallel} at once`, "/s", rate));

  progress(`memory of ${options.memoryPods} pods`);
  const perPod: PerEngine<number> = {};
  for (const [engine, entry] of main) perPod[engine] = (await measureMemory(entry, options.memoryPods)).perPodKib;
  rows.push(row("memoryPerPod", `memory a pod (PSS, ${options.memoryPods} pods)`, "KiB", perPod));

  const { layers, filesPerLayer, fileBytes } = options.largeImage;
  const unpackedMb = (layers * filesPerLayer * fileBytes) / 1e6;
  progress(`pulls of ${unpackedMb.toFixed(0)} MB unpacked`);
  let packedMb = 0;
  const pulled: string[] = [];
  const pulls = new Map([...main.keys()].map((engine) => [engine, { took: new Samples(), growth: new Samples() }]));
  for (let round = 0; round < options.pullRounds; round++) {
    const image = buildLargeImage(options.largeImage, round);
    packedMb = image.blobs.reduce((sum, blob) => sum + blob.bytes.byteLength, 0) / 1e6;
    const reference = await registry.push(`bench/large-${round}`, "1", image);
    pulled.push(reference);
    for (const [engine, entry] of main) {
      const use = await measurePull(entry.bed, reference);
      pulls.get(engine)?.took.add(use.tookMs);
      pulls.get(engine)?.growth.add(use.rssGrowthMib);
    }
  }
  for (const { bed } of main.values())
    for (const image of pulled) await bed.cri.images.removeImage({ image: { image } });
  const took = Object.fromEntries([...pulls].map(([engine, { took: samples }]) => [engine, samples.quantile(0.5)]));
  const growth = Object.fromEntries([...pulls].map(([engine, { growth: samples }]) => [engine, samples.quantile(1)]));
  rows.push(row("pull", `pull + unpack, ${packedMb.toFixed(0)} / ${unpackedMb.toFixed(0)} MB`, "ms", took));
  rows.push(row("pullRssGrowth", "daemon RSS growth in it", "MiB", growth));

  progress(`${options.densityPods} pods, SIGKILL, restart`);
  const density: PerEngine<DensityUse> = {};
  for (const [engine, entry] of main) density[engine] = await measureDensity(entry, options.densityPods);
  const of = (pick: (use: DensityUse) => number): PerEngine<number> =>
    Object.fromEntries(Object.entries(density).map(([engine, use]) => [engine, pick(use)]));
  rows.push(row("daemonIdle", "daemon RSS, idle", "MiB", idle));
  rows.push(
    row(
      "daemonWithPods",
      `daemon RSS, ${options.densityPods} pods`,
      "MiB",
      of((use) => use.daemonMib),
    ),
  );
  rows.push(
    row(
      "restart",
      `restart to first list, ${options.densityPods} pods`,
      "ms",
      of((use) => use.restartMs),
    ),
  );
  return rows;
}

try {
  const rows = (await measure()).map(judge);
  const machine = machineLine(engines, peers);
  if (options.json) {
    say(JSON.stringify({ machine, rounds: options.rounds, rows }, undefined, 2));
  } else {
    say(`\n${table(rows)}\n\n${machine}`);
    const missed = rows.filter((entry) => entry.met === false).map((entry) => entry.what);
    const judged = rows.some((entry) => entry.met !== undefined);
    const verdict = judged ? "every budget that could be judged is met" : "no budget could be judged";
    say(missed.length === 0 ? verdict : `missed: ${missed.join("; ")}`);
  }
} finally {
  for (const { client } of contenders) await client[Symbol.asyncDispose]();
  for (const bed of beds) await bed.close();
  await (await sharedRegistry()).stop();
}
process.exit(0);
