import { failedPrecondition } from "../errors/crib-error.ts";
import type { LinuxContainerResources } from "../gen/runtime/v1/api_pb.ts";
import { cgroupResources } from "../oci/resources.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { mergeResources, specResources } from "../oci/spec-resources.ts";
import type { PodEngine } from "./engine.ts";
import { getRecord } from "./resolve-id.ts";

/**
 * Changes a container's limits: in the kernel if it runs, and in its spec, which a later start uses. The kernel comes first:
 * what it refuses is not recorded, and the adapter has put back what it had written.
 */
export async function updateResources(
  engine: PodEngine,
  idOrPrefix: string,
  limits: LinuxContainerResources,
): Promise<void> {
  const found = getRecord("container", engine.containers, idOrPrefix);
  using _held = await engine.locks.acquire(found.sandboxId);
  const record = getRecord("container", engine.containers, found.id);
  if (record.state !== "created" && record.state !== "running") {
    throw failedPrecondition(`container ${record.id} is ${record.state}: its resources cannot be updated`);
  }
  const resources = mergeResources(record.spec.linux.resources, specResources(limits, []));
  if (record.state === "running") engine.cgroups.update(record.cgroup, cgroupResources(limits));
  const spec: RuntimeSpec = {
    ...record.spec,
    linux: { ...record.spec.linux, resources: { ...resources, devices: record.spec.linux.resources.devices } },
  };
  engine.containers.put({ ...record, spec }, { durable: false, document: true });
}
