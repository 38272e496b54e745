import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { parsePodSpec } from "../../spec/pod-spec.ts";

/** Makes a pod: namespaces, cgroup, network, monitor. A retry with the same name, uid and attempt gets the same pod. */
export function runPodSandbox({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"runPodSandbox"> {
  return async (request) => {
    return { podSandboxId: await pods.runSandbox(parsePodSpec(request.config), request.runtimeHandler) };
  };
}
