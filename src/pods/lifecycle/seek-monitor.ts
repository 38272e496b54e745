import { CribError } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import { hasEnded } from "../../kernel/process/process-ref.ts";
import type { SandboxHandle } from "../../runtime/port.ts";
import type { SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { adoptMonitor } from "./adopt-monitor.ts";
import { handleExit } from "./handle-exit.ts";
import { handleMonitorGone } from "./handle-monitor-gone.ts";

const firstPauseMs = 10;
const longestPauseMs = 5_000;

/** From here on the monitor counts as connected, its exits become records, and the loss of its connection is noticed. */
export function watchMonitor(engine: PodEngine, monitor: SandboxHandle): void {
  engine.monitors.connected(monitor);
  monitor.onExit((exit) => handleExit(engine, exit));
  void monitor.lost.then((reason) => {
    if (engine.monitors.get(monitor.sandboxId) !== monitor) return;
    seekMonitor(engine, monitor.sandboxId, reason.message).catch((error: unknown) =>
      engine.log.error({ sandbox: monitor.sandboxId, err: error }, "a pod whose monitor is dead is not ended"),
    );
  });
}

/**
 * Looks for a pod's monitor until it answers or is known to be dead: its recorded process, by number and start time, is
 * gone. Nothing else is death: not a lost socket, not silence, not another version of the protocol.
 *
 * @returns when it was looked for once; where that did not settle it, the search goes on aside.
 */
export async function seekMonitor(engine: PodEngine, id: SandboxId, reason: string): Promise<void> {
  const seeking = engine.monitors.seek(id, reason);
  if (seeking === undefined || (await look(engine, id))) return;
  engine.log.warn(
    { sandbox: id, reason: engine.monitors.trouble(id) },
    "monitor does not answer: asked again and again",
  );
  goOnLooking(engine, id, seeking).catch((error: unknown) =>
    engine.log.error({ sandbox: id, err: error }, "no longer looking for a monitor"),
  );
}

async function goOnLooking(engine: PodEngine, id: SandboxId, seeking: AbortSignal): Promise<void> {
  for (let pauseMs = firstPauseMs; await engine.clock.sleep(pauseMs, seeking); ) {
    if (await look(engine, id)) return;
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }
}

/** Whether there is nothing left to look for. */
async function look(engine: PodEngine, id: SandboxId): Promise<boolean> {
  const sandbox = engine.sandboxes.get(id);
  if (sandbox === undefined) return true;
  if (!isMonitorDead(engine, sandbox)) return await tryToReach(engine, sandbox);
  engine.monitors.forget(id);
  await handleMonitorGone(engine, sandbox);
  return true;
}

/** Whether the recorded monitor is gone for good; a record of another boot speaks of a process that cannot be here. */
export function isMonitorDead(engine: Pick<PodEngine, "kernel" | "bootId">, sandbox: SandboxRecord): boolean {
  if (sandbox.bootId !== engine.bootId || sandbox.monitor === undefined) return true;
  return hasEnded(engine.kernel, sandbox.monitor);
}

async function tryToReach(engine: PodEngine, sandbox: SandboxRecord): Promise<boolean> {
  try {
    const monitor = await engine.runtimes.runtimeOf(sandbox.handler).adopt(sandbox.id, sandbox.directory);
    await adoptMonitor(engine, sandbox.id, monitor, (adopted) => watchMonitor(engine, adopted));
    return true;
  } catch (error) {
    const reason = CribError.is(error) || error instanceof Error ? error.message : String(error);
    engine.monitors.setTrouble(sandbox.id, reason);
    return false;
  }
}
