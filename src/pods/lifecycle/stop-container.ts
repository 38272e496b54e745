import type { PodEngine } from "../engine.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { deliverStopSignal } from "./deliver-stop-signal.ts";
import { killContainer } from "./kill-container.ts";

/** Longer graces are cut: a timer cannot hold more, and nobody waits 24 days. */
const longestGraceMs = 2 ** 31 - 1;

/**
 * Stop signal, grace, SIGKILL. Absent or exited is success.
 *
 * No lock is held while waiting, so a second call with a shorter grace takes effect at once.
 */
export async function stopContainer(engine: PodEngine, idOrPrefix: string, timeoutSeconds: bigint): Promise<void> {
  const record = findRecord("container", engine.containers, idOrPrefix);
  if (record === undefined || record.state !== "running") return;
  if (timeoutSeconds > 0n) {
    const graceMs = Math.min(Number(timeoutSeconds) * 1000, longestGraceMs);
    const over = new AbortController();
    const gone = engine.exits.wait(record.id, graceMs).finally(() => over.abort());
    await deliverStopSignal(engine, record, over.signal);
    if (await gone) return;
    engine.log.info({ container: record.id, graceMs }, "grace is over: killing");
  }
  await killContainer(engine, record.id);
}
