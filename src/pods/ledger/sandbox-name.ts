import type { ContainerConfig, PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";

/** The name a sandbox holds: one attempt of one pod. Metadata cannot contain `_`-ambiguities that matter: the uid is part of it. */
export function sandboxName(config: PodSandboxConfig): string {
  const metadata = config.metadata;
  return [metadata?.name, metadata?.namespace, metadata?.uid, metadata?.attempt ?? 0].join("_");
}

/** The name a container holds: one attempt of one container in one sandbox. */
export function containerName(sandboxId: string, config: ContainerConfig): string {
  return [config.metadata?.name, sandboxId, config.metadata?.attempt ?? 0].join("_");
}
