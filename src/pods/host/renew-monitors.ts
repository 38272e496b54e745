import { CribError, failedPrecondition } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { SandboxHandle } from "../../runtime/port.ts";
import { sandboxDirectory } from "../../runtime/sandbox-directory.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { MonitorRenewal, MonitorSample } from "../port.ts";

type Tools = Pick<PodEngine, "config" | "log" | "monitors" | "sandboxes">;

/** How many at once: each pauses its pod for some milliseconds, and all run on the node's processors. */
const atOnce = 4;

/** Of every pod that has one which can be told from others. */
export function monitorSamples(engine: Tools): readonly MonitorSample[] {
  return engine.sandboxes.all().flatMap(({ id }): MonitorSample[] => {
    const monitor = engine.monitors.get(id);
    if (monitor === undefined) {
      return engine.monitors.trouble(id) === undefined ? [] : [{ id, build: undefined, newest: undefined }];
    }
    return monitor.keeperBuild === undefined ? [] : [{ id, ...monitor.keeperBuild }];
  });
}

/**
 * Has monitors go on in the executable that this daemon brings: those of `names`, or all that run another one. What was not
 * renewed goes on as it was, and each says why.
 *
 * @throws {CribError} not-found for a name of no pod; nothing was renewed then.
 */
export async function renewMonitors(engine: Tools, names: readonly string[]): Promise<readonly MonitorRenewal[]> {
  const ids = names.length > 0 ? names.map((name) => getRecord("sandbox", engine.sandboxes, name).id) : oldOnes(engine);
  const waiting = [...new Set(ids)];
  const done: MonitorRenewal[] = [];
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) done.push(await renewOne(engine, id));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return done;
}

function oldOnes(engine: Tools): readonly SandboxId[] {
  return monitorSamples(engine)
    .filter(({ build, newest }) => newest === undefined || build !== newest)
    .map(({ id }) => id);
}

async function renewOne(engine: Tools, id: SandboxId): Promise<MonitorRenewal> {
  let monitor: SandboxHandle | undefined;
  try {
    monitor = await engine.monitors.reach(id);
    if (monitor.renewKeeper === undefined) throw failedPrecondition(`the runtime of sandbox ${id} renews nothing`);
    await monitor.renewKeeper(sandboxDirectory(engine.config.state, id));
    engine.log.info({ sandbox: id, build: monitor.keeperBuild?.build }, "the pod's monitor was renewed");
    return { id, build: monitor.keeperBuild?.build, failure: undefined };
  } catch (error) {
    if (!(error instanceof CribError)) throw error;
    engine.log.warn({ sandbox: id, error: error.message }, "the pod's monitor was not renewed");
    return { id, build: monitor?.keeperBuild?.build, failure: error };
  }
}
