import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { parseResourceLimits } from "../../spec/resource-limits.ts";
import { checkId } from "../../validate/fields.ts";

/** What the pod as a whole may use, after an in-place resize (KEP-1287). The kubelet sets the pod's cgroup itself. */
export function updatePodSandboxResources({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"updatePodSandboxResources"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    const overhead = request.overhead && parseResourceLimits(request.overhead, "overhead");
    const resources = request.resources && parseResourceLimits(request.resources, "resources");
    await pods.updateSandboxResources(request.podSandboxId, overhead, resources);
    return {};
  };
}
