import { failedPrecondition } from "../errors/crib-error.ts";
import type { LinuxContainerResources } from "../gen/runtime/v1/api_pb.ts";
import { cgroupResources } from "../oci/resources.ts";
import type { PodEngine } from "./engine.ts";
import { getRecord } from "./resolve-id.ts";

/**
 * Applies pod-level limits to the pod's group when it is ours; a group the kubelet made is the kubelet's to write, which it has
 * done before it calls.
 */
export async function updateSandboxResources(
  engine: PodEngine,
  idOrPrefix: string,
  resources: LinuxContainerResources | undefined,
): Promise<void> {
  const found = getRecord("sandbox", engine.sandboxes, idOrPrefix);
  using _held = await engine.locks.acquire(found.id);
  const sandbox = getRecord("sandbox", engine.sandboxes, found.id);
  if (sandbox.state !== "ready")
    throw failedPrecondition(`sandbox ${sandbox.id} is not ready: its resources cannot be updated`);
  if (sandbox.ownsCgroup) engine.cgroups.update(sandbox.cgroup, cgroupResources(resources));
}
