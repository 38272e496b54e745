import type { Message } from "@bufbuild/protobuf";
import type { ContainerConfig, Mount, PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.ts";
import { canonicalMessage } from "./canonical-message.ts";

/** When the kubelet first saw the pod: another moment after the kubelet's restart, the same pod. */
const configSeen = "kubernetes.io/config.seen";
/** Tells where a container leaves its last words; the file on the host that is mounted there is another at each attempt to create. */
const terminationMessagePath = "io.kubernetes.container.terminationMessagePath";

/** A short text that is equal for requests that ask for the same pod, however they were written down. */
export function sandboxFingerprint(config: PodSandboxConfig, runtimeHandler: string): string {
  const { [configSeen]: _seen, ...annotations } = config.annotations;
  const message = canonicalMessage(PodSandboxConfigSchema, { ...config, annotations } as Message, () => false);
  return digest([message, runtimeHandler]);
}

/**
 * Like `sandboxFingerprint`, for a container of a pod.
 *
 * The kubelet takes variables of services out of a Go map, so that their order changes: it counts only among those of one name.
 */
export function containerFingerprint(config: ContainerConfig): string {
  const lastWords = config.annotations[terminationMessagePath];
  const envs = config.envs.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const message = canonicalMessage(ContainerConfigSchema, { ...config, envs } as Message, (path, parent) => {
    // Filled in by crib when the container is made; the record that is read after a restart has it.
    if (path === "mounts.image.image_ref") return true;
    return path === "mounts.host_path" && lastWords !== undefined && (parent as Mount).containerPath === lastWords;
  });
  return digest(message);
}

function digest(canonical: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(canonical)).digest("hex");
}
