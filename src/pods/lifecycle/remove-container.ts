import { ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import type { PodEngine } from "../engine.ts";
import { removeContainerDirectory } from "../host/container-directory.ts";
import { releaseImages } from "../host/image-volumes.ts";
import { removeCgroup } from "../host/remove-cgroup.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { findRecord } from "../ledger/resolve-id.ts";
import { containerName } from "../ledger/sandbox-name.ts";
import { checkContainerTransition } from "../ledger/transitions.ts";
import { killContainer } from "./kill-container.ts";

/** Removes a container with its writable layer, killing it first if it runs. Its log file is the kubelet's to delete. Absent is success. */
export async function removeContainer(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = findRecord("container", engine.containers, idOrPrefix);
  if (found === undefined) return;
  using _held = await engine.locks.acquire(found.id);
  await killContainer(engine, found.id);
  const record = engine.containers.get(found.id);
  if (record === undefined) return;
  if (record.state !== "removing") {
    checkContainerTransition(record, "removing");
    engine.containers.put({ ...record, state: "removing" }, { durable: false });
  }
  await engine.monitors.get(record.sandboxId)?.forget(record.id);
  await removeCgroup(engine, record.cgroup);
  removeContainerDirectory(engine, record.id);
  releaseImages(engine, record.id, record.config);
  engine.containers.delete(record.id);
  engine.containerNames.release(containerName(record.sandboxId, record.config));
  engine.cpuRates.forget(record.id);
  engine.layerUsage.forget(record.id);
  const sandbox = engine.sandboxes.get(record.sandboxId);
  if (sandbox !== undefined) {
    engine.eventHub.publish(ContainerEventType.CONTAINER_DELETED_EVENT, record.id, sandbox, () =>
      containersOf(engine, sandbox.id),
    );
  }
}
