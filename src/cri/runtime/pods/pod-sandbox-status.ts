import { PodSandboxConfigSchema } from "../../../gen/runtime/v1/api_pb.ts";
import type { SandboxTrouble } from "../../../pods/port.ts";
import type { SandboxRecord } from "../../../state/records.ts";
import { toContainerStatus } from "../../convert/container.ts";
import { messageJson, verboseInfo } from "../../convert/info.ts";
import { toPodSandboxStatus } from "../../convert/sandbox.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { fromPodSpec } from "../../spec/pod-spec.ts";
import { checkId } from "../../validate/fields.ts";

/** One pod, its containers' statuses and the moment both were true (KEP-3386: the kubelet orders events by it). */
export function podSandboxStatus({ pods, clock }: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"podSandboxStatus"> {
  return (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    const sandbox = pods.sandbox(request.podSandboxId);
    return {
      status: toPodSandboxStatus(sandbox),
      containersStatuses: pods
        .containers()
        .filter((container) => container.sandboxId === sandbox.id)
        .map(toContainerStatus),
      timestamp: clock.now(),
      info: request.verbose ? verboseInfo(sandboxInfo(sandbox, pods.sandboxTrouble(sandbox.id))) : {},
    };
  };
}

/** Key names are those of containerd's document: node agents read `pid` and `cniResult` out of it. */
function sandboxInfo(sandbox: SandboxRecord, trouble: SandboxTrouble): Readonly<Record<string, unknown>> {
  return {
    pid: sandbox.monitor?.pid ?? 0,
    initPid: sandbox.initPid,
    networkNamespace: sandbox.netns,
    netNamespaceClosed: sandbox.networkReleased,
    cgroup: sandbox.cgroup,
    directory: sandbox.directory,
    runtimeHandler: sandbox.runtimeHandler,
    runtimeType: "crib",
    podResources: sandbox.podResources,
    config: messageJson(PodSandboxConfigSchema, fromPodSpec(sandbox.config)),
    cniResult: sandbox.network?.result,
    monitorTrouble: trouble.monitor,
    notGivenBack: trouble.notGivenBack.length === 0 ? undefined : trouble.notGivenBack,
  };
}
