/** `bun tests/soak/main.ts [--lifecycles 200] [--parallel 8] [--kills 100] [--listed 1000] [--vanishing 2000] [--megabytes 256] [--race MINUTES] [--control MINUTES [--runc PROGRAM]] [--chaos MINUTES] [--inject MINUTES] [--power-cut VARIANTS] [--killed-pulls KILLS] [--renew ROUNDS] [--seed N]`; with `--chaos`, `--inject`, `--control`, `--power-cut`, `--killed-pulls` or `--renew` those parts alone; exits 1 when anything leaks or grows. */
import { parseArgs } from "node:util";
import type { ProcessUse } from "../harness/process-memory.ts";
import { Random } from "../harness/random.ts";
import { sharedRegistry } from "../harness/registry.ts";
import { say } from "../harness/say.ts";
import { TestBed } from "../harness/test-bed.ts";
import { soakChaos } from "./chaos-soak.ts";
import { soakInject } from "./inject-soak.ts";
import { type BlobWay, blobWays, killPulls, mayComeAgainBytes, middleOf } from "./kill-pulls.ts";
import { soakKills } from "./kill-soak.ts";
import { freshWarmUp, growthKib, hasGrown, shownSeries, soakLifecycles } from "./lifecycle-soak.ts";
import { soakLists } from "./list-soak.ts";
import { soakPowerCuts } from "./power-cut/power-cut-soak.ts";
import { type StoreKind, storeKinds } from "./power-cut/store-life.ts";
import { soakControl } from "./race-control.ts";
import { soakRace } from "./race-soak.ts";
import { soakKilledRenewals, soakRenewals } from "./renew-soak.ts";
import { soakStreams } from "./stream-soak.ts";

const { values } = parseArgs({
  options: {
    lifecycles: { type: "string", default: "200" },
    parallel: { type: "string", default: "8" },
    kills: { type: "string", default: "100" },
    listed: { type: "string", default: "1000" },
    vanishing: { type: "string", default: "2000" },
    megabytes: { type: "string", default: "256" },
    chaos: { type: "string" },
    inject: { type: "string" },
    control: { type: "string" },
    runc: { type: "string", default: "runc" },
    "power-cut": { type: "string" },
    "killed-pulls": { type: "string" },
    renew: { type: "string" },
    race: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
  },
});
/** Faults of every kind at once are a part of its own: what they do to memory says nothing about leaks. */
const chaosMinutes = values.chaos === undefined ? 0 : Number(values.chaos);
const injectMinutes = values.inject === undefined ? 0 : Number(values.inject);
const controlMinutes = values.control === undefined ? 0 : Number(values.control);
const killedPulls = Number(values["killed-pulls"] ?? 0);
const renewRounds = Number(values.renew ?? 0);
/** At every barrier, and so often behind each with some of what came next. */
const tornVariants = values["power-cut"] === undefined ? undefined : Number(values["power-cut"]);
const alone =
  chaosMinutes > 0 ||
  injectMinutes > 0 ||
  controlMinutes > 0 ||
  tornVariants !== undefined ||
  killedPulls > 0 ||
  renewRounds > 0;
const lifecycles = alone ? 0 : Number(values.lifecycles);
const parallel = Number(values.parallel);
const kills = alone ? 0 : Number(values.kills);
const listed = alone ? 0 : Number(values.listed);
const vanishing = alone ? 0 : Number(values.vanishing);
const raceMinutes = alone ? 0 : Number(values.race);
const echoedBytes = Number(values.megabytes) * 2 ** 20;

const renewedPods = 50;
const killsPerRound = 20;

let passed = 0;
let failed = 0;

/** Runs one part, says how it went, and goes on. */
async function part(name: string, work: () => Promise<string>): Promise<void> {
  try {
    say(`ok    ${name}: ${await work()}`);
    passed++;
  } catch (error) {
    say(`FAIL  ${name}: ${String(error instanceof Error ? error.message : error)}`);
    failed++;
  }
}

async function lifecyclesPart(count: number, ways: number, warmUp: number): Promise<string> {
  const report = await soakLifecycles(bed, count, ways, warmUp);
  const { early, late } = report;
  const shown =
    `at rest ${mib(early)} MiB, ${early.descriptors} descriptors after ${warmUp} of them, ` +
    `${mib(late)} MiB, ${late.descriptors} descriptors, ${late.threads} threads at the end; ` +
    `RSS on the way ${shownSeries(report.series)} MiB`;
  if (hasGrown(report))
    throw new Error(`the daemon grew by ${growthKib(report)} KiB after ${warmUp} of them: ${shown}`);
  return `${((count * 1000) / report.tookMs).toFixed(1)} a second, growth past the first ${warmUp}: ${growthKib(report)} KiB; ${shown}`;
}

async function injectPart(minutes: number): Promise<string> {
  const bounds = { seconds: minutes * 60, say };
  const { lives, of, unmet, refused, violations, others } = await soakInject(new Random(Number(values.seed)), bounds);
  if (violations.length > 0) throw new Error(`${violations.length} of ${lives}; the first: ${violations[0]}`);
  return `${lives} of ${of} lives, ${refused} with an error, ${unmet} without the call; calls left alone: ${others.join(" ")}`;
}

/** Prints a line for each promise; one that is not kept fails the part, and so the run. */
async function chaosPart(minutes: number): Promise<string> {
  const options = { seconds: minutes * 60, clients: parallel, say };
  const { isKept, lines } = await soakChaos(bed, options, new Random(Number(values.seed)));
  for (const line of lines) say(`      ${line}`);
  if (!isKept) throw new Error("a promise was broken");
  return "every promise kept";
}

/** What the racer of `--race` finds of another runtime: the finds are told and break no promise of ours. */
async function controlPart(minutes: number): Promise<string> {
  const reports = await soakControl(values.runc, minutes);
  for (const { mode, entered, heldUp, hits } of reports) {
    say(
      `      ${mode}: ${entered} entered, ${heldUp} held up or refused, ${hits.length} found${hits.length > 0 ? `: ${[...new Set(hits.map((hit) => hit.replace(/ \d+ /, " ")))].slice(0, 5).join("; ")}` : ""}`,
    );
  }
  const blind = reports.filter(({ met }) => !met).map(({ mode }) => mode);
  if (blind.length > 0) throw new Error(`the racer met too few to say anything: ${blind.join(", ")}`);
  return `${reports.reduce((sum, { entered }) => sum + entered, 0)} entered, ${reports.reduce((sum, { hits }) => sum + hits.length, 0)} found`;
}

async function powerCutPart(kind: StoreKind, torn: number): Promise<string> {
  const report = await soakPowerCuts(kind, { every: 1, torn }, new Random(Number(values.seed)));
  const { barriers, cuts, wholeImages, damaged } = report;
  if (damaged.length > 0) throw new Error(`${damaged.length} damaged; the first: ${damaged[0]}`);
  return `${cuts} cuts at ${barriers} barriers, ${wholeImages} images that were whole, none damaged`;
}

async function killedPullsPart(way: BlobWay): Promise<string> {
  const killed = await killPulls(killedPulls, way, new Random(Number(values.seed)));
  const { caught, wrong } = killed;
  if (wrong.length > 0) throw new Error(`${wrong.length} wrong; the first: ${wrong[0]}`);
  const middle = middleOf(killed);
  if (middle > mayComeAgainBytes[way]) throw new Error(`${middle} bytes came again after the middle one`);
  return `${caught} met a blob on its way, ${middle} bytes came again after the middle one, nothing left`;
}

async function renewPart(): Promise<string> {
  const { renewals, logLines, slowestMs, wrong } = await soakRenewals(renewedPods, renewRounds);
  if (wrong.length > 0) throw new Error(`${wrong.length} wrong; the first: ${wrong[0]}`);
  return `${renewals} renewals, the slowest took ${slowestMs.toFixed(0)} ms; ${logLines} log lines, none lost or doubled, every exit code right`;
}

async function killedRenewalsPart(kills: number): Promise<string> {
  const { finished, wrong } = await soakKilledRenewals(kills, new Random(Number(values.seed)));
  if (wrong.length > 0) throw new Error(`${wrong.length} wrong; the first: ${wrong[0]}`);
  return `${finished} renewals were finished when their daemon was killed; the container lived, no log line lost or doubled`;
}

function mib(use: ProcessUse): string {
  return (use.rssKib / 1024).toFixed(1);
}

/**
 * connect-node keeps the failure of a connection for the call that asked for it; where that has given up before, as on a busy machine
 * while the daemon is away, nobody is left to be told, and Bun would end the run.
 */
process.on("unhandledRejection", (error) => {
  if (/connect (ENOENT|ECONNREFUSED|ECONNRESET)/.test(String(error))) return;
  say(`FAIL  unhandled: ${String(error)}`);
  process.exit(1);
});

const bed = new TestBed();
try {
  await bed.open({ stateInMemory: alone });
  say(`soak of ${bed.kind}, seed ${values.seed}\n`);
  if (injectMinutes > 0) {
    await part(`every call of a monitor fails, for ${injectMinutes} minutes at most`, () => injectPart(injectMinutes));
  }
  if (controlMinutes > 0) {
    await part(`the same attacker against ${values.runc}, ${controlMinutes} minutes in each pid mode`, () =>
      controlPart(controlMinutes),
    );
  }
  if (chaosMinutes > 0) {
    await part(`chaos for ${chaosMinutes} minutes, ${parallel} clients`, () => chaosPart(chaosMinutes));
  }
  for (const kind of tornVariants === undefined ? [] : storeKinds)
    await part(`power cuts of a store of ${kind}`, () => powerCutPart(kind, tornVariants ?? 0));
  for (const way of killedPulls > 0 ? blobWays : [])
    await part(`${killedPulls} killed pulls, blobs coming ${way} the process`, () => killedPullsPart(way));
  if (renewRounds > 0) {
    await part(`${renewedPods} busy pods, each monitor renewed ${renewRounds} times`, renewPart);
    const kills = renewRounds * killsPerRound;
    await part(`${kills} daemons killed while they renew a monitor`, () => killedRenewalsPart(kills));
  }
  if (lifecycles > 0) {
    await part(`${lifecycles} lifecycles in a row`, () => lifecyclesPart(lifecycles, 1, freshWarmUp));
    const atOnce = Math.ceil(lifecycles / 5);
    await part(`${atOnce} lifecycles, ${parallel} at a time`, () => lifecyclesPart(atOnce, parallel, 0));
  }
  if (kills > 0) {
    await part(`${kills} times SIGKILL`, async () => {
      const start = performance.now();
      await soakKills(bed, kills, new Random(Number(values.seed)), (round) => {
        if (round % 10 === 0) say(`      ${round} of ${kills}`);
      });
      return `every record usable or gone, every retry succeeded, nothing left; ${((performance.now() - start) / 1000).toFixed(0)} s`;
    });
  }
  if (vanishing > 0) {
    await part("streams: clients that vanish, crowd, flood and move much", () =>
      soakStreams(bed, { vanishing, parallelExecs: 200, resizes: 20_000, echoedBytes }),
    );
  }
  if (listed > 0) {
    await part(`32 clients list ${listed} containers while pods start`, () =>
      soakLists(bed, { containers: listed, clients: 32, rounds: 20, pods: 20 }),
    );
  }
  if (raceMinutes > 0) {
    await part(`a racing attacker, ${raceMinutes} minutes in each pid mode`, () => soakRace(bed, raceMinutes, say));
  }
  say(`\n${passed} passed, ${failed} failed`);
} finally {
  await bed.close();
  await (await sharedRegistry()).stop();
}
process.exit(failed === 0 && passed > 0 ? 0 : 1);
