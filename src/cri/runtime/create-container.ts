import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { requireContainerConfig } from "../validate/container-config.ts";
import { checkId } from "../validate/fields.ts";
import { requireSandboxConfig } from "../validate/sandbox-config.ts";

/** Makes a container in a pod: its spec, its writable layer. A retry with the same name and attempt gets the same one. */
export function createContainer({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"createContainer"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    const config = requireContainerConfig(request.config);
    const sandboxConfig = request.sandboxConfig && requireSandboxConfig(request.sandboxConfig, "sandbox_config");
    return { containerId: await pods.createContainer(request.podSandboxId, config, sandboxConfig) };
  };
}
