import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { killContainer } from "./kill-container.ts";
import { markNotReady } from "./mark-not-ready.ts";

/** Ends every container of the pod at once and gives its network and namespaces back. Absent or stopped is success. */
export async function stopSandbox(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = findRecord("sandbox", engine.sandboxes, idOrPrefix);
  if (found === undefined) return;
  using _held = await engine.locks.acquire(found.id);
  const running = containersOf(engine, found.id).filter((container) => container.state === "running");
  await Promise.all(running.map((container) => killContainer(engine, container.id)));
  await markNotReady(engine, found.id);
}
