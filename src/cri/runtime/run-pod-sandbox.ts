import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { requireSandboxConfig } from "../validate/sandbox-config.ts";

/** Makes a pod: namespaces, cgroup, network, monitor. A retry with the same name, uid and attempt gets the same pod. */
export function runPodSandbox({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"runPodSandbox"> {
  return async (request) => {
    const sandboxConfig = requireSandboxConfig(request.config);
    return { podSandboxId: await pods.runSandbox(sandboxConfig, request.runtimeHandler) };
  };
}
