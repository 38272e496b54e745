import { ContainerConfigSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerRecord } from "../../state/records.ts";
import { toContainerStatus } from "../convert/container.ts";
import { messageJson, verboseInfo } from "../convert/info.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { checkId } from "../validate/fields.ts";

export function containerStatus({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"containerStatus"> {
  return (request) => {
    checkId(request.containerId, "container_id");
    const container = pods.container(request.containerId);
    return {
      status: toContainerStatus(container),
      info: request.verbose ? verboseInfo(containerInfo(container)) : {},
    };
  };
}

/** Key names are those of containerd's document, where there is such a thing: node agents read `pid` and `runtimeSpec`. */
function containerInfo(container: ContainerRecord): Readonly<Record<string, unknown>> {
  return {
    sandboxID: container.sandboxId,
    pid: container.state === "running" ? (container.process?.pid ?? 0) : 0,
    removing: container.state === "removing",
    snapshotKey: container.directory,
    snapshotter: "overlayfs",
    runtimeType: "crib",
    cgroup: container.cgroup,
    config: messageJson(ContainerConfigSchema, container.config),
    runtimeSpec: container.spec,
  };
}
