import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { monitorBuildOf } from "../../src/runtime/native/monitor/monitor-build.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { callsOf, describeCall, type FailingCall } from "../harness/failing-call.ts";
import { liveWith } from "../harness/injected-life.ts";
import { openMonitorBed } from "../harness/monitor-bed.ts";
import type { Random } from "../harness/random.ts";
import { openWorkspace } from "../harness/workspace.ts";

export interface InjectReport {
  readonly lives: number;
  readonly of: number;
  /** Lives in which the call was not made: how many there are depends on the order of events. */
  readonly unmet: number;
  readonly refused: number;
  readonly violations: readonly string[];
  /** System calls that were made and are left alone. */
  readonly others: readonly number[];
}

/** Which of all failures are tried, for how long. */
export interface InjectBounds {
  readonly seconds: number;
  readonly wanted?: (call: FailingCall) => boolean;
  readonly say?: (line: string) => void;
}

/** A life for each failure that one without any could have had, in random order, until the time is over. */
export async function soakInject(random: Random, { seconds, wanted, say }: InjectBounds): Promise<InjectReport> {
  const workspace = openWorkspace("inject");
  const build = join(workspace.path, "build");
  mkdirSync(build);
  const program = join(workspace.path, "crib-monitor");
  const monitor = readArtifact("crib-monitor");
  writeFileSync(program, monitor);
  chmodSync(program, 0o700);
  const bed = openMonitorBed(buildStaticBinary("fail-syscall", build), monitorBuildOf(monitor));
  const violations: string[] = [];
  let lives = 0;
  let unmet = 0;
  let refused = 0;
  try {
    const control = await liveWith(bed, program, undefined);
    if (control.refused.length > 0) throw new Error(`refused though nothing failed: ${control.refused.join("; ")}`);
    const { failing, others } = callsOf(control.directory);
    const order = shuffled(failing.filter(wanted ?? (() => true)), random);
    const end = performance.now() + seconds * 1000;
    for (const call of order) {
      if (performance.now() > end) break;
      lives++;
      try {
        const life = await liveWith(bed, program, call, control.atRest);
        if (!life.met) unmet++;
        if (life.refused.length > 0) refused++;
      } catch (error) {
        violations.push(`${describeCall(call)}: ${String(error instanceof Error ? error.message : error)}`);
        say?.(violations.at(-1) ?? "");
      }
      if (lives % 100 === 0) say?.(`      ${lives} of ${order.length}`);
    }
    return { lives, of: order.length, unmet, refused, violations, others };
  } finally {
    bed.remove();
    workspace.remove();
  }
}

function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  return items
    .map((item) => ({ item, key: random.next() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
