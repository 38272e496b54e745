import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";

/** Kills the pod's containers and gives its network back. Absent or stopped is success. */
export function stopPodSandbox({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"stopPodSandbox"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    await pods.stopSandbox(request.podSandboxId);
    return {};
  };
}
