import type { ContainerId } from "../../ids/object-id.ts";
import type { PodEngine } from "../engine.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { awaitExit } from "./await-exit.ts";
import { deliverStopSignal } from "./deliver-stop-signal.ts";
import { killContainer } from "./kill-container.ts";

/** Longer graces are cut: a timer cannot hold more, and nobody waits 24 days. */
const longestGraceMs = 2 ** 31 - 1;

/**
 * Stop signal, grace, SIGKILL. Absent or exited is success; a start under way is ended.
 *
 * No lock is held while waiting, so a second call with a shorter grace takes effect at once. The end of the grace is kept
 * with the record: a daemon that dies meanwhile goes on where it was, and a retry does not begin a new one.
 */
export async function stopContainer(engine: PodEngine, idOrPrefix: string, timeoutSeconds: bigint): Promise<void> {
  const record = findRecord("container", engine.containers, idOrPrefix);
  if (record === undefined) return;
  await engine.starts.end(record.id, "the container is being stopped");
  if (engine.containers.get(record.id)?.state !== "running") return;
  if (timeoutSeconds > 0n) {
    const graceMs = Math.min(Number(timeoutSeconds) * 1000, longestGraceMs);
    await waitOutGrace(engine, record.id, graceMs);
  }
  await killContainer(engine, record.id);
}

/** Goes on with a stop that a former daemon had begun. */
export async function resumeStop(engine: PodEngine, id: ContainerId): Promise<void> {
  await waitOutGrace(engine, id, longestGraceMs);
  await killContainer(engine, id);
}

async function waitOutGrace(engine: PodEngine, id: ContainerId, graceMs: number): Promise<void> {
  const record = engine.containers.get(id);
  if (record?.state !== "running") return;
  const nowMs = engine.uptimeMs();
  const deadlineUptimeMs = Math.min(record.stop?.deadlineUptimeMs ?? Number.POSITIVE_INFINITY, nowMs + graceMs);
  const signalled = record.stop?.signalled === true;
  const pending = engine.ledger.amendContainer(id, { stop: { deadlineUptimeMs, signalled } });

  const leftMs = Math.max(0, deadlineUptimeMs - nowMs);
  const over = new AbortController();
  const gone = awaitExit(engine, id, leftMs).finally(() => over.abort());
  const noteSignal = (): void => {
    if (engine.containers.get(id)?.state === "running")
      engine.ledger.amendContainer(id, { stop: { deadlineUptimeMs, signalled: true } });
  };
  if (!signalled) await deliverStopSignal(engine, pending, noteSignal, over.signal);
  if (!(await gone)) engine.log.info({ container: id, graceMs: leftMs }, "grace is over: killing");
}
