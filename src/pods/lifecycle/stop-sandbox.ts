import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { noteToPlugins, tellPodPlugins } from "../plugins/tell-plugins.ts";
import { killContainer } from "./kill-container.ts";
import { endSandbox } from "./teardown/end-sandbox.ts";

/** How long another stop or removal of the same pod is waited for; each of its steps has a deadline of its own. */
const lockMs = 20_000;

/**
 * Ends every container of the pod at once and gives its network and namespaces back. Absent or stopped is success.
 *
 * Nothing is waited for before the killing: a start that hangs is ended, its neighbours are killed meanwhile.
 */
export async function stopSandbox(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = findRecord("sandbox", engine.sandboxes, idOrPrefix);
  if (found === undefined) return;
  using _closed = engine.starts.close(found.id);
  const killed = killAll(engine, found.id);
  // A start may have succeeded after all: what runs then is killed too.
  await engine.starts.endAll(found.id, "its pod is being stopped");
  const failures = [...(await killed), ...(await killAll(engine, found.id))];
  if (failures.length > 0) throw failures[0];
  using _held = await engine.locks.acquire(found.id, { doing: "is being stopped", withinMs: lockMs });
  const wasReady = engine.sandboxes.get(found.id)?.state === "ready";
  await endSandbox(engine, found.id);
  const stopped = engine.sandboxes.get(found.id);
  if (wasReady && stopped !== undefined) await noteToPlugins(engine, tellPodPlugins(engine, "stop", stopped));
}

/** What could not be killed. */
async function killAll(engine: PodEngine, id: Parameters<typeof containersOf>[1]): Promise<readonly unknown[]> {
  const running = containersOf(engine, id).filter((container) => container.state === "running");
  const outcomes = await Promise.allSettled(running.map((container) => killContainer(engine, container.id)));
  return outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
}
