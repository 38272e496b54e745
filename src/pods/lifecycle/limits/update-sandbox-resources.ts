import { failedPrecondition } from "../../../errors/crib-error.ts";
import { type PodResources, podLimits } from "../../../oci/resources/pod-resources.ts";
import { limitsOfSpec } from "../../../oci/resources/resources.ts";
import { specResources } from "../../../oci/resources/spec-resources.ts";
import type { ResourceLimits } from "../../../spec/resource-limits.ts";
import type { PodEngine } from "../../engine.ts";
import { getRecord } from "../../ledger/resolve-id.ts";
import { pluginPod } from "../../plugins/plugin-views.ts";
import { noteToPlugins, tellPodPlugins } from "../../plugins/tell-plugins.ts";
import { configuredResources } from "../../request/pod-limits.ts";

const lockMs = 10_000;

/**
 * Records what the pod as a whole may use, and applies it to the pod's group when that is ours; a group the kubelet made is
 * the kubelet's to write, which it does in the order that raising or lowering needs. What a request leaves out stays.
 */
export async function updateSandboxResources(
  engine: PodEngine,
  idOrPrefix: string,
  overhead: ResourceLimits | undefined,
  resources: ResourceLimits | undefined,
): Promise<void> {
  const found = getRecord("sandbox", engine.sandboxes, idOrPrefix);
  using _held = await engine.locks.acquire(found.id, { doing: "is being updated", withinMs: lockMs });
  const sandbox = getRecord("sandbox", engine.sandboxes, found.id);
  if (sandbox.state !== "ready")
    throw failedPrecondition(`sandbox ${sandbox.id} is not ready: its resources cannot be updated`);
  const before = sandbox.podResources ?? configuredResources(sandbox.config);
  const podResources: PodResources = {
    overhead: overhead === undefined ? before.overhead : specResources(overhead, []),
    resources: resources === undefined ? before.resources : specResources(resources, []),
  };
  if (engine.plugins.any) {
    const none = { devices: [] };
    await engine.plugins.updatePod(pluginPod(sandbox), podResources.overhead ?? none, podResources.resources ?? none);
  }
  const limits = limitsOfSpec(podLimits(podResources));
  if (sandbox.ownsCgroup) engine.cgroups.update(sandbox.cgroup, limits);
  const updated = engine.ledger.amendSandbox(sandbox.id, { podResources });
  await noteToPlugins(engine, tellPodPlugins(engine, "post-update", updated));
}
