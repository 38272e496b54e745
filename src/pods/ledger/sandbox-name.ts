import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";

/** The name a sandbox holds: one attempt of one pod. Metadata cannot contain `_`-ambiguities that matter: the uid is part of it. */
export function sandboxName(config: PodSpec): string {
  const { name, namespace, uid, attempt } = config.metadata;
  return [name, namespace, uid, attempt].join("_");
}

/** The name a container holds: one attempt of one container in one sandbox. */
export function containerName(sandboxId: string, config: ContainerSpec): string {
  return [config.metadata.name, sandboxId, config.metadata.attempt].join("_");
}
