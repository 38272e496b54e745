/**
 * `bun tests/bench/pull/main.ts [--rounds N] [--image NAME]... [--only-crib] [--smoke] [--json]`
 *
 * Cold pulls of crib beside the containerd of today in its fastest configuration of overlayfs and of EROFS, in turns, from one registry
 * on loopback, each on a journalled file system made for it. Shown are medians, and crib's over the best of the others'.
 */
import { delimiter } from "node:path";
import type { Snapshotter } from "../../harness/engine.ts";
import { sharedRegistry } from "../../harness/registry.ts";
import { say, sayProgress } from "../../harness/say.ts";
import { TestBed } from "../../harness/test-bed.ts";
import { buildPeers } from "../../peers/build-peers.ts";
import { machineLine } from "../machine.ts";
import { EngineGroup } from "./engine-group.ts";
import { buildPullImage } from "./images.ts";
import { measureCost, measureFeel, type PullContender } from "./measure.ts";
import { parsePullOptions } from "./options.ts";
import { PullFigures, type PullRow, pullTable } from "./report.ts";

const options = parsePullOptions(process.argv.slice(2));
const peers = options.onlyCrib ? undefined : buildPeers();
const rootDisk = { mebibytes: 16 * 1024, inodes: 400_000 };
const beds: TestBed[] = [];
const groups: EngineGroup[] = [];

async function open(name: string, snapshotter?: Snapshotter): Promise<PullContender> {
  const bed = new TestBed(snapshotter === undefined ? "crib" : "containerd");
  beds.push(bed);
  const peer = snapshotter === undefined || peers === undefined ? {} : { peers, snapshotter };
  await bed.open({ stateInMemory: true, images: ["busybox"], rootDisk, ...peer });
  const group = new EngineGroup(bed.engine);
  groups.push(group);
  return { name, bed, group };
}

/** Debian 12's is older than what containerd needs of it. */
function mkfsReadsArchives(): boolean {
  const path = [peers, process.env.PATH].filter((part) => part !== undefined).join(delimiter);
  const help = Bun.spawnSync(["mkfs.erofs", "--help"], { env: { PATH: path } });
  return `${help.stdout}${help.stderr}`.includes("--tar=");
}

async function openAll(): Promise<readonly PullContender[]> {
  const contenders = [await open("crib")];
  if (peers === undefined) return contenders;
  contenders.push(await open("containerd", "overlayfs"));
  if (mkfsReadsArchives()) contenders.push(await open("containerd-erofs", "erofs"));
  else
    sayProgress(
      "· containerd's EROFS snapshotter is left out: it needs mkfs.erofs 1.8 or later on PATH, or in build/peers",
    );
  return contenders;
}

async function measure(contenders: readonly PullContender[]): Promise<readonly PullRow[]> {
  const registry = await sharedRegistry();
  const engines = contenders.map(({ name }) => name);
  const program = await Bun.file("/bin/busybox").bytes();
  const rows: PullRow[] = [];
  for (const image of options.images) {
    sayProgress(`· ${image.what}`);
    const reference = await registry.push(`bench/${image.name}`, "1", buildPullImage(image, program));
    const figures = new PullFigures(engines);
    for (let round = 0; round < options.rounds; round++)
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
        const { wallMs, cpuSeconds, rssGrowthMib, removalMs } = await measureCost(contender, reference);
        figures.add(contender.name, { wallMs, cpuSeconds, rssGrowthMib, removalMs });
        figures.add(contender.name, { ...(await measureFeel(contender, reference)) });
        sayProgress(`    ${contender.name}: ${wallMs.toFixed(0)} ms, ${cpuSeconds.toFixed(2)} CPU-s`);
      }
    rows.push(...figures.rows(image.what));
  }
  return rows;
}

try {
  process.env.CRIB_TEST_SHARED_HOST = "1";
  const contenders = await openAll();
  const rows = await measure(contenders);
  const engines = contenders.map(({ name }) => name);
  const machine = machineLine(peers === undefined ? ["crib"] : ["crib", "containerd"], peers);
  if (options.json) say(JSON.stringify({ machine, rounds: options.rounds, rows }, undefined, 2));
  else say(`\n${pullTable(rows, engines)}\n\n${machine}`);
} finally {
  for (const bed of beds) await bed.close();
  for (const group of groups) group[Symbol.dispose]();
  await (await sharedRegistry()).stop();
}
process.exit(0);
