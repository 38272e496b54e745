import { ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { PodEngine } from "../engine.ts";
import { unmountShm, unpinNetns } from "../host/pins.ts";
import { removeCgroup } from "../host/remove-cgroup.ts";
import { containersOf } from "../ledger/containers-of.ts";

/**
 * Gives back what a sandbox holds of the host and records it as not ready. Idempotent: each step is repeated safely,
 * and the record says "released" only after the release. The caller holds the sandbox's lock and has ended its containers.
 */
export async function markNotReady(engine: PodEngine, id: SandboxId): Promise<void> {
  const sandbox = engine.sandboxes.get(id);
  if (sandbox === undefined) return;
  const monitor = engine.monitors.get(id);
  engine.monitors.delete(id);

  if (sandbox.networkRequest !== undefined && !sandbox.networkReleased) {
    await engine.network.detach(sandbox.networkRequest, sandbox.network);
  }
  if (sandbox.netns !== undefined) unpinNetns(engine, sandbox.netns);
  await monitor?.shutdown();
  if (sandbox.ownsShm) unmountShm(engine, sandbox.directory);
  if (sandbox.ownsCgroup) await removeCgroup(engine, sandbox.cgroup);
  else await engine.sandboxGroups.remove(sandbox);
  engine.cpuRates.forget(id);

  if (sandbox.state === "notready" && sandbox.networkReleased) return;
  const stopped = engine.sandboxes.put(
    { ...sandbox, state: "notready", monitor: undefined, initPid: undefined, networkReleased: true },
    { durable: false },
  );
  engine.eventHub.publish(ContainerEventType.CONTAINER_STOPPED_EVENT, id, stopped, () => containersOf(engine, id));
}
