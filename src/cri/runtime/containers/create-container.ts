import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { parseContainerSpec } from "../../spec/container-spec.ts";
import { parsePodSpec } from "../../spec/pod-spec.ts";
import { checkId } from "../../validate/fields.ts";

/** Makes a container in a pod: its spec, its writable layer. A retry with the same name and attempt gets the same one. */
export function createContainer({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"createContainer"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    const spec = parseContainerSpec(request.config);
    // Malformed is refused, but the pod's own configuration counts: it was made with that.
    if (request.sandboxConfig !== undefined) parsePodSpec(request.sandboxConfig, "sandbox_config");
    return { containerId: await pods.createContainer(request.podSandboxId, spec) };
  };
}
