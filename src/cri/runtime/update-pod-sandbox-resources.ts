import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { checkId } from "../validate/fields.ts";
import { checkLinuxResources } from "../validate/resources.ts";

/** What the pod as a whole may use, after an in-place resize (KEP-1287). The kubelet sets the pod's cgroup itself. */
export function updatePodSandboxResources({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"updatePodSandboxResources"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    if (request.overhead !== undefined) checkLinuxResources(request.overhead, "overhead");
    if (request.resources !== undefined) checkLinuxResources(request.resources, "resources");
    await pods.updateSandboxResources(request.podSandboxId, request.overhead, request.resources);
    return {};
  };
}
