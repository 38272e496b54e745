import { ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import type { PodEngine } from "../engine.ts";
import { removeStateDirectory } from "../host/state-directory.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { sandboxName } from "../ledger/sandbox-name.ts";
import { removeContainer } from "./remove-container.ts";
import { stopSandbox } from "./stop-sandbox.ts";

/** Removes a pod with all its containers; a ready one is stopped first. Absent is success. */
export async function removeSandbox(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = findRecord("sandbox", engine.sandboxes, idOrPrefix);
  if (found === undefined) return;
  await stopSandbox(engine, found.id);
  await Promise.all(containersOf(engine, found.id).map((container) => removeContainer(engine, container.id)));
  using _held = await engine.locks.acquire(found.id);
  const sandbox = engine.sandboxes.get(found.id);
  if (sandbox === undefined) return;
  await removeStateDirectory(engine, sandbox.directory);
  engine.sandboxes.delete(sandbox.id);
  engine.sandboxNames.release(sandboxName(sandbox.config));
  engine.eventHub.publish(ContainerEventType.CONTAINER_DELETED_EVENT, sandbox.id, sandbox, () => []);
}
