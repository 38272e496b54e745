import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { sandboxName } from "../ledger/sandbox-name.ts";
import { noteToPlugins, tellPodPlugins } from "../plugins/tell-plugins.ts";
import { removeContainer } from "./remove-container.ts";
import { stopSandbox } from "./stop-sandbox.ts";
import { holdingsOf, releasedSteps, removeSteps, tearDown, teardownError } from "./teardown/teardown.ts";

const lockMs = 20_000;

/** Removes a pod with all its containers; a ready one is stopped first. Absent is success. */
export async function removeSandbox(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = findRecord("sandbox", engine.sandboxes, idOrPrefix);
  if (found === undefined) return;
  await stopSandbox(engine, found.id);
  await Promise.all(containersOf(engine, found.id).map((container) => removeContainer(engine, container.id)));
  using _held = await engine.locks.acquire(found.id, { doing: "is being removed", withinMs: lockMs });
  const sandbox = engine.sandboxes.get(found.id);
  if (sandbox === undefined) return;
  const { failures } = await tearDown(engine, holdingsOf(sandbox), removeSteps, releasedSteps(sandbox));
  if (failures.length > 0) throw teardownError(sandbox.id, failures);
  engine.teardowns.forget(sandbox.id);
  engine.monitors.forget(sandbox.id);
  await noteToPlugins(engine, tellPodPlugins(engine, "remove", sandbox));
  engine.ledger.dropSandbox(sandbox.id);
  engine.sandboxNames.release(sandboxName(sandbox.config));
}
