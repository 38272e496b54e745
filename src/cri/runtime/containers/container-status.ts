import { ContainerConfigSchema } from "../../../gen/runtime/v1/api_pb.ts";
import type { ImageLayer } from "../../../images/port.ts";
import { containerPaths } from "../../../pods/host/container-paths.ts";
import type { ContainerRecord } from "../../../state/records.ts";
import { toContainerStatus } from "../../convert/container.ts";
import { layersInfo, messageJson, verboseInfo } from "../../convert/info.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { fromContainerSpec } from "../../spec/container-spec.ts";
import { checkId } from "../../validate/fields.ts";

export function containerStatus({ pods, images }: Pick<CriDeps, "pods" | "images">): RuntimeRpc<"containerStatus"> {
  return (request) => {
    checkId(request.containerId, "container_id");
    const container = pods.container(request.containerId);
    return {
      status: toContainerStatus(container),
      info: request.verbose ? verboseInfo(containerInfo(container, images.layers(container.imageId))) : {},
    };
  };
}

/** Key names are those of containerd's document, where there is such a thing: node agents read `pid` and `runtimeSpec`. */
function containerInfo(container: ContainerRecord, layers: readonly ImageLayer[]): Readonly<Record<string, unknown>> {
  const paths = containerPaths(container.directory);
  return {
    sandboxID: container.sandboxId,
    pid: container.state === "running" ? (container.process?.pid ?? 0) : 0,
    removing: container.state === "removing",
    snapshotKey: container.directory,
    snapshotter: "overlayfs",
    runtimeType: "crib",
    cgroup: container.cgroup,
    // Mounted in the container's own mount namespace alone: on the host the root is to be seen as /proc/PID/root.
    rootfs: { writableLayer: paths.upper, work: paths.work, mountpoint: paths.rootfs, layers: layersInfo(layers) },
    config: messageJson(ContainerConfigSchema, fromContainerSpec(container.config)),
    runtimeSpec: container.spec,
  };
}
