/**
 * `bun tests/bench/responsiveness.ts [--lifecycles 200] [--parallel 8] [--rounds 3] [--every 5] [--binary PATH]... [--containerd]`
 *
 * What small questions (Version, Status, the lists) wait for while other clients live pods through: nothing. Every `--binary` is a
 * crib to measure, the one under test when none is named; they take turns, so that none has the machine's better minutes to itself.
 */
import { parseArgs } from "node:util";
import { sharedRegistry } from "../harness/registry.ts";
import { say, sayProgress } from "../harness/say.ts";
import { TestBed } from "../harness/test-bed.ts";
import { buildKubeletClient } from "../kubelet-client/build-kubelet-client.ts";
import { buildPeers } from "../peers/build-peers.ts";
import { type Contender, contender } from "./contender.ts";
import { probes } from "./lifecycle-client.ts";
import { machineLine } from "./machine.ts";
import { Samples } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    lifecycles: { type: "string", default: "200" },
    parallel: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    every: { type: "string", default: "5" },
    binary: { type: "string", multiple: true, default: [] },
    containerd: { type: "boolean", default: false },
  },
});
const calls = [...probes, "podToRunning", "execSync", "stopContainer", "stopPodSandbox", "removePodSandbox"] as const;
const order = {
  lifecycles: Number(values.lifecycles),
  parallel: Number(values.parallel),
  execs: 1,
  probeEveryMs: Number(values.every),
};

interface Measured {
  readonly name: string;
  readonly contender: Contender;
  readonly times: Readonly<Record<(typeof calls)[number], Samples>>;
  readonly perSecond: Samples;
}

/** One pod at a time, nothing asked: what a pod takes on a daemon that has nothing else to do. */
const alone = { lifecycles: 20, parallel: 1, execs: 1 };

const beds: TestBed[] = [];
const measured: Measured[] = [];
const starts = new Map<Measured, Samples>();

async function open(
  name: string,
  kind: "crib" | "containerd",
  options: { binary?: string; peers?: string },
): Promise<void> {
  const bed = new TestBed(kind);
  beds.push(bed);
  const network = kind === "crib" ? "builtin" : "cni";
  await bed.open({ network, stateInMemory: true, ...options });
  const times = Object.fromEntries(calls.map((call) => [call, new Samples()])) as unknown as Measured["times"];
  measured.push({ name, contender: contender(bed, network, buildKubeletClient()), times, perSecond: new Samples() });
}

async function round(entry: Measured): Promise<void> {
  const { client } = entry.contender;
  const quiet = await client.run(alone);
  const quietStarts = starts.get(entry) ?? new Samples();
  starts.set(entry, quietStarts);
  for (const tookMs of quiet.callsMs.podToRunning ?? []) quietStarts.add(tookMs);
  const { callsMs, tookMs } = await client.run(order);
  for (const call of calls) for (const each of callsMs[call] ?? []) entry.times[call].add(each);
  entry.perSecond.add((order.lifecycles * 1000) / tookMs);
}

function told({ name, times, perSecond, contender: { bed } }: Measured, quiet: Samples | undefined): string {
  const lines = calls.map((call) => {
    const samples = times[call];
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => samples.quantile(share).toFixed(1).padStart(7));
    return `  ${call.padEnd(18)} p50 ${p50}  p99 ${p99}  max ${most} ms  (${samples.count})`;
  });
  const held = bed.engine.logTail(100_000).match(/event loop was held heldMs=\d+/g)?.length ?? 0;
  const summary = `${perSecond.quantile(0.5).toFixed(1)} lifecycles a second, loop held ${held} times, one pod alone to running ${quiet?.quantile(0.5).toFixed(1)} ms`;
  return [`${name}: ${summary}`, ...lines].join("\n");
}

try {
  process.env.CRIB_TEST_SHARED_HOST = "1";
  const peers = values.containerd ? buildPeers() : undefined;
  if (values.binary.length === 0) await open("crib", "crib", {});
  for (const binary of values.binary) await open(binary, "crib", { binary });
  if (peers !== undefined) await open("containerd", "containerd", { peers });
  for (let turn = 0; turn < Number(values.rounds); turn++) {
    sayProgress(`· round ${turn + 1} of ${values.rounds}`);
    for (const entry of turn % 2 === 0 ? measured : measured.toReversed()) await round(entry);
  }
  say(measured.map((entry) => told(entry, starts.get(entry))).join("\n"));
  say(machineLine(values.containerd ? ["crib", "containerd"] : ["crib"], peers));
} finally {
  for (const { contender: entry } of measured) await entry.client[Symbol.asyncDispose]();
  for (const bed of beds) await bed.close();
  await (await sharedRegistry()).stop();
}
process.exit(0);
