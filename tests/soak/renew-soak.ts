import { join } from "node:path";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { SIGTERM } from "../../src/kernel/signals.ts";
import type { MonitorLauncher } from "../../src/runtime/native/monitor/port.ts";
import type { ProcessStreams } from "../../src/runtime/streams.ts";
import { brokenCount, counting } from "../harness/counting.ts";
import { collect, type MonitorBed, openMonitorBed, type Pod, type Started } from "../harness/monitor-bed.ts";
import type { Random } from "../harness/random.ts";
import { openRenewer, renamedMonitor } from "../harness/renewal-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** As many as the daemon renews at once. */
const atOnce = 4;
/** Twenty lines, then a moment for the others: fifty pods share two processors. */
const pause = "[ $((i % 20)) -eq 0 ] && busybox usleep 50000;";
const commandExitCode = 5;

interface BusyPod {
  readonly pod: Pod;
  readonly container: Started;
  readonly exitCode: number;
  readonly attached: ProcessStreams;
  readonly seen: { readonly stdout: string };
  readonly command: {
    readonly id: string;
    readonly streams: ProcessStreams;
    readonly output: { readonly stdout: string };
  };
}

export interface RenewalReport {
  readonly renewals: number;
  readonly logLines: number;
  /** Of a single one, while the others write. */
  readonly slowestMs: number;
  /** Each names its pod. */
  readonly wrong: readonly string[];
}

/** Pods whose container, attachment and exec write all the time, and whose monitors are renewed `rounds` times. */
export async function soakRenewals(pods: number, rounds: number): Promise<RenewalReport> {
  const bed = openMonitorBed();
  using other = openRenewer(bed, renamedMonitor(readArtifact("crib-monitor")));
  try {
    const busy: BusyPod[] = [];
    for (let index = 0; index < pods; index++) busy.push(await openBusyPod(bed, 10 + index));
    let slowestMs = 0;
    for (let round = 0; round < rounds; round++) {
      const { launcher } = round % 2 === 0 ? other : bed;
      const before = busy.map(progressOf);
      slowestMs = Math.max(slowestMs, await renewAll(busy, launcher));
      for (const [index, each] of busy.entries()) await sawMore(each, before[index] ?? []);
    }
    const wrong: string[] = [];
    for (const each of busy) wrong.push(...(await endBusyPod(each)));
    const logLines = busy.reduce((sum, { container }) => sum + container.lines().length, 0);
    return { renewals: pods * rounds, logLines, slowestMs, wrong };
  } finally {
    await bed.shutdownAll();
    bed.remove();
  }
}

async function openBusyPod(bed: MonitorBed, exitCode: number): Promise<BusyPod> {
  const pod = await bed.openPod({ pidInit: true });
  const container = await bed.start(pod, counting(exitCode, pause));
  const attached = await pod.monitor.attach({ containerId: container.id, stdin: false, stdout: true, stderr: true });
  const { id, streams } = await bed.openExec(pod, container, counting(commandExitCode, pause));
  return {
    pod,
    container,
    exitCode,
    attached,
    seen: collect(attached),
    command: { id, streams, output: collect(streams) },
  };
}

function progressOf({ container, seen, command }: BusyPod): readonly number[] {
  return [container.log().length, seen.stdout.length, command.output.stdout.length];
}

/** Undone pods are taken by whichever worker is free. @returns how long the slowest renewal took. */
async function renewAll(busy: readonly BusyPod[], launcher: MonitorLauncher): Promise<number> {
  const waiting = [...busy];
  let slowestMs = 0;
  const work = async (): Promise<void> => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
      const { monitor, directory } = each.pod;
      const start = performance.now();
      await launcher.renew(monitor, directory);
      slowestMs = Math.max(slowestMs, performance.now() - start);
      if (monitor.build !== launcher.build) throw new Error(`the monitor of ${each.pod.id} still is ${monitor.build}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return slowestMs;
}

async function sawMore(each: BusyPod, before: readonly number[]): Promise<void> {
  const what = `more of the log, the attachment and the exec of ${each.pod.id}`;
  await waitUntil(() => progressOf(each).every((size, at) => size > (before[at] ?? 0)), { what });
}

async function endBusyPod({ pod, container, exitCode, attached, seen, command }: BusyPod): Promise<string[]> {
  await pod.monitor.signal(command.id as never, SIGTERM);
  const ended = await command.streams.exited;
  await command.streams.drained;
  const early = pod.exits.length;
  await pod.monitor.signal(container.id, SIGTERM);
  const exit = await container.exit();
  await attached.drained;
  const logged = container.lines().map(({ text }) => text);
  const attachedLines = seen.stdout.slice(seen.stdout.indexOf("line ")).trimEnd().split("\n");
  const found: readonly (readonly [what: string, is: string | undefined])[] = [
    ["container", early > 0 ? "ended before it was told to" : undefined],
    ["container", exit.exitCode === exitCode ? undefined : `exit code ${exit.exitCode}, not ${exitCode}`],
    ["exec", ended.exitCode === commandExitCode ? undefined : `exit code ${ended.exitCode}, not ${commandExitCode}`],
    ["log", brokenCount(logged, 0)],
    ["attachment", brokenCount(attachedLines)],
    ["exec's output", brokenCount(command.output.stdout.trimEnd().split("\n"), 0)],
  ];
  return found.flatMap(([what, is]) => (is === undefined ? [] : [`pod ${pod.id}, ${what}: ${is}`]));
}

export interface KilledRenewals {
  readonly kills: number;
  /** Renewals that had been finished when their daemon was killed. */
  readonly finished: number;
  readonly wrong: readonly string[];
}

/** A process that renews one pod's monitor again and again is killed at a random moment, `kills` times. */
export async function soakKilledRenewals(kills: number, random: Random): Promise<KilledRenewals> {
  const bed = openMonitorBed();
  try {
    const each = await openBusyPod(bed, 7);
    const wrong: string[] = [];
    let finished = 0;
    for (let kill = 0; kill < kills; kill++) {
      finished += await killRenewer(each.pod, random);
      const [kept] = await each.pod.monitor.list();
      if (kept === undefined || kept.exit !== undefined) wrong.push(`kill ${kill}: the container has ended`);
      if (each.pod.exits.length > 0) break;
      await sawMore(each, progressOf(each));
    }
    wrong.push(...(await endBusyPod(each)));
    return { kills, finished, wrong };
  } finally {
    await bed.shutdownAll();
    bed.remove();
  }
}

/** @returns how many renewals it had done. */
async function killRenewer({ id, directory }: Pod, random: Random): Promise<number> {
  const renewer = Bun.spawn([process.execPath, join(import.meta.dir, "renew-until-killed.ts"), id, directory], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    let told = "";
    let killed = false;
    for await (const chunk of renewer.stdout) {
      told += Buffer.from(chunk).toString("latin1");
      if (killed) continue;
      killed = true;
      // From before the connect to behind the second or third.
      await Bun.sleep(random.between(0, 60));
      renewer.kill("SIGKILL");
    }
    await renewer.exited;
    if (!killed) throw new Error(`the process that renews ended by itself: ${told}`);
    return told.split("renewed").length - 1;
  } finally {
    renewer.kill("SIGKILL");
  }
}
