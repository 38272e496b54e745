import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";

/** Stops what runs, then forgets the pod and its containers. Absent is success. */
export function removePodSandbox({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"removePodSandbox"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    await pods.removeSandbox(request.podSandboxId);
    return {};
  };
}
