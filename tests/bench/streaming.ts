/**
 * `bun tests/bench/streaming.ts [--megabytes 1000] [--rounds 3] [--only crib|containerd]`
 *
 * What a byte through an exec costs, in crib and beside it in containerd (which serves SPDY alone), in one alternating run. The
 * program in the container and the client are made to cost next to nothing. Shown are medians.
 */
import { parseArgs } from "node:util";
import type { EngineKind } from "../harness/engine.ts";
import { sharedRegistry } from "../harness/registry.ts";
import { say, sayProgress } from "../harness/say.ts";
import { TestBed } from "../harness/test-bed.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { buildPeers } from "../peers/build-peers.ts";
import { machineLine } from "./machine.ts";
import { measureStreams, openStreamContainer, type StreamDirection, type StreamUse } from "./measure-streams.ts";
import { Samples } from "./statistics.ts";
import type { StreamProtocol } from "./stream-scripts.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    only: { type: "string" },
  },
});
const bytes = Number(values.megabytes) * 1e6;
const engines: readonly EngineKind[] = values.only === undefined ? ["crib", "containerd"] : [values.only as EngineKind];
const peers = engines.includes("containerd") ? buildPeers() : undefined;
const protocols = {
  crib: ["spdy", "websocket"],
  containerd: ["spdy"],
} as const satisfies Record<EngineKind, readonly StreamProtocol[]>;
const directions: readonly StreamDirection[] = ["out", "in", "both"];
const measures = ["megabytesPerSecond", "daemonCpu", "podCpu"] as const satisfies readonly (keyof StreamUse)[];

interface Line {
  readonly kind: EngineKind;
  readonly protocol: StreamProtocol;
  readonly direction: StreamDirection;
  readonly samples: Readonly<Record<(typeof measures)[number], Samples>>;
}

const beds: { readonly bed: TestBed; readonly container: TestContainer }[] = [];
try {
  process.env.CRIB_TEST_SHARED_HOST = "1";
  for (const kind of engines) {
    const bed = new TestBed(kind);
    await bed.open(peers === undefined ? {} : { peers });
    beds.push({ bed, container: await openStreamContainer(bed) });
  }
  const lines: readonly Line[] = directions.flatMap((direction) =>
    engines.flatMap((kind) =>
      protocols[kind].map((protocol) => ({
        kind,
        protocol,
        direction,
        samples: { megabytesPerSecond: new Samples(), daemonCpu: new Samples(), podCpu: new Samples() },
      })),
    ),
  );
  for (let round = 0; round < Number(values.rounds); round++) {
    sayProgress(`· round ${round + 1} of ${values.rounds}`);
    for (const { kind, protocol, direction, samples } of lines) {
      const found = beds.find(({ bed }) => bed.kind === kind);
      if (found === undefined) continue;
      const use = await measureStreams(found.bed, found.container, protocol, direction, bytes);
      for (const measure of measures) samples[measure].add(use[measure]);
    }
  }
  say(`${values.megabytes} MB through one exec, median of ${values.rounds}; CPU seconds for each 1000 MB\n`);
  say("| way | engine | protocol | MB/s | daemon | monitor or shim | both |\n|---|---|---|---|---|---|---|");
  for (const { kind, protocol, direction, samples } of lines) {
    const [rate = 0, daemon = 0, pod = 0] = measures.map((measure) => samples[measure].quantile(0.5));
    const cpu = [daemon, pod, daemon + pod].map((value) => value.toFixed(2)).join(" | ");
    say(`| ${direction} | ${kind} | ${protocol} | ${rate.toFixed(0)} | ${cpu} |`);
  }
  say(`\n${machineLine(engines, peers)}`);
} finally {
  for (const { bed } of beds) await bed.close();
  await (await sharedRegistry()).stop();
}
process.exit(0);
