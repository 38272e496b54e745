import { failedPrecondition } from "../../../errors/crib-error.ts";
import type { ContainerId } from "../../../ids/object-id.ts";
import { limitsOfSpec, updatedLimits, withLimitsInForce } from "../../../oci/resources/resources.ts";
import { mergeResources } from "../../../oci/resources/spec-resources.ts";
import type { SpecResources } from "../../../oci/runtime-spec.ts";
import type { ContainerRecord } from "../../../state/records.ts";
import type { PodEngine } from "../../engine.ts";
import { getRecord } from "../../ledger/resolve-id.ts";

/**
 * Changes a container's limits: in the kernel if it runs, and in its spec, which a later start and the status use. The kernel
 * comes first: what it refuses is not recorded, and the adapter has put back what it had written. What is recorded is what
 * the kernel holds afterwards. The caller holds the container's lock.
 *
 * @param wishes the limits in force → those asked for; what they leave out stays.
 * @param process other parts of the spec's process that change with them.
 */
export function changeLimits(
  engine: PodEngine,
  id: ContainerId,
  wishes: (current: SpecResources) => SpecResources,
  process: (record: ContainerRecord) => Partial<ContainerRecord["spec"]["process"]> = () => ({}),
): void {
  const record = updatableContainer(engine, id);
  const current = record.spec.linux.resources;
  const requested = wishes(current);
  const merged = mergeResources(current, requested);
  const changes = updatedLimits(requested, merged);
  const running = record.state === "running";
  if (running) engine.cgroups.update(record.cgroup, changes);
  const inForce: SpecResources = running
    ? withLimitsInForce(merged, engine.cgroups.readBack(record.cgroup, limitsOfSpec(merged)))
    : merged;
  const spec: ContainerRecord["spec"] = {
    ...record.spec,
    process: { ...record.spec.process, ...process(record) },
    linux: { ...record.spec.linux, resources: { ...inForce, devices: current.devices } },
  };
  engine.ledger.amendContainer(record.id, { spec }, { document: true });
}

/** @throws {CribError} not-found; failed-precondition for a container that has ended. */
export function updatableContainer(engine: PodEngine, id: ContainerId): ContainerRecord {
  const record = getRecord("container", engine.containers, id);
  if (record.state !== "created" && record.state !== "running") {
    throw failedPrecondition(`container ${record.id} is ${record.state}: its resources cannot be updated`);
  }
  return record;
}
