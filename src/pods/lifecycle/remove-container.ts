import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import type { PodEngine } from "../engine.ts";
import { removeContainerDirectory } from "../host/container-directory.ts";
import { releaseImages } from "../host/image-volumes.ts";
import { removeCgroup } from "../host/remove-cgroup.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { containerName } from "../ledger/sandbox-name.ts";
import { noteToPlugins, tellContainerPlugins } from "../plugins/tell-plugins.ts";
import { killContainer } from "./kill-container.ts";

/** A start is ended, not waited for; another removal has deadlines of its own. */
const lockMs = 15_000;

/** Removes a container with its writable layer, killing it first if it runs. Its log file is the kubelet's to delete. Absent is success. */
export async function removeContainer(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = findRecord("container", engine.containers, idOrPrefix);
  if (found === undefined) return;
  await engine.starts.end(found.id, "the container is being removed");
  using _held = await engine.locks.acquire(found.id, { doing: "is being removed", withinMs: lockMs });
  await killContainer(engine, found.id);
  const record = engine.containers.get(found.id);
  if (record === undefined) return;
  if (record.state !== "removing") {
    const removing = engine.ledger.moveContainer(record.id, "removing");
    await noteToPlugins(engine, tellContainerPlugins(engine, "remove", removing));
  }
  await forget(engine, record.sandboxId, record.id);
  await finishRemoval(engine, record.id);
}

/** The part that a later attempt can do again: of a container whose record says that it is being removed. */
export async function finishRemoval(engine: PodEngine, id: ContainerId): Promise<void> {
  const record = engine.containers.get(id);
  if (record === undefined) return;
  await engine.turns.take();
  await removeCgroup(engine, record.cgroup);
  await removeContainerDirectory(engine, record.id);
  releaseImages(engine, record.id, record.config);
  engine.ledger.dropContainer(record.id);
  engine.containerNames.release(containerName(record.sandboxId, record.config));
  engine.cpuRates.forget(record.id);
  engine.cgroupReadings.forget(record.id);
  engine.layerUsage.forget(record.id);
}

/** A monitor that does not answer keeps a few bytes of what is gone until it ends. */
async function forget(engine: PodEngine, sandboxId: SandboxId, id: ContainerId): Promise<void> {
  try {
    await engine.monitors.get(sandboxId)?.forget(id);
  } catch (error) {
    engine.log.warn({ container: id, error: String(error) }, "its monitor does not forget it");
  }
}
