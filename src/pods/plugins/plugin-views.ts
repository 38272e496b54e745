import type { PluginContainer, PluginPod } from "../../nri/port.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";

/** A pod's record as plugins are told of it. */
export function pluginPod(sandbox: SandboxRecord): PluginPod {
  const { config } = sandbox;
  const { name = "", uid = "", namespace = "" } = config.metadata ?? {};
  return {
    id: sandbox.id,
    name,
    uid,
    namespace,
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler: sandbox.runtimeHandler,
    cgroupParent: config.linux?.cgroupParent ?? "",
    cgroup: sandbox.cgroup,
    pid: sandbox.monitor?.pid ?? 0,
    ips: sandbox.network?.ips ?? [],
    netns: sandbox.netns,
  };
}

/** A container's record as plugins are told of it. */
export function pluginContainer(container: ContainerRecord): PluginContainer {
  const { id, config, state, spec, exitCode, reason, message } = container;
  return {
    id,
    podId: container.sandboxId,
    name: config.metadata?.name ?? "",
    state,
    labels: config.labels,
    annotations: config.annotations,
    spec,
    image: {
      name: container.imageReference,
      repoDigest: container.imageRepoDigest ?? "",
      configDigest: container.imageId,
    },
    cdiDevices: config.cdiDevices,
    pid: container.process?.pid ?? 0,
    createdAtNs: container.createdAtNs,
    startedAtNs: container.startedAtNs,
    finishedAtNs: container.finishedAtNs,
    exitCode,
    reason,
    message,
  };
}
