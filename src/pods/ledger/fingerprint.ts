import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import type { RequestedMount } from "../../spec/requested-mount.ts";
import { canonical } from "./canonical.ts";

/** When the kubelet first saw the pod: another moment after the kubelet's restart, the same pod. */
const configSeen = "kubernetes.io/config.seen";
/** Tells where a container leaves its last words; the file on the host that is mounted there is another at each attempt to create. */
const terminationMessagePath = "io.kubernetes.container.terminationMessagePath";

/** A short text that is equal for requests that ask for the same pod, however they were written down. */
export function sandboxFingerprint(spec: PodSpec, runtimeHandler: string): string {
  const { [configSeen]: _seen, ...annotations } = spec.annotations;
  return digest([{ ...spec, annotations }, runtimeHandler]);
}

/**
 * Like `sandboxFingerprint`, for a container of a pod.
 *
 * The kubelet takes variables of services out of a Go map, so that their order changes: it counts only among those of one name.
 */
export function containerFingerprint(spec: ContainerSpec): string {
  const lastWords = spec.annotations[terminationMessagePath];
  const envs = spec.envs.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return digest({ ...spec, envs, mounts: spec.mounts.map((mount) => asAsked(mount, lastWords)) });
}

/** Without what differs between two attempts, and what crib fills in: the record that is read after a restart has it. */
function asAsked(mount: RequestedMount, lastWords: string | undefined): Partial<RequestedMount> {
  const { hostPath, image, ...same } = mount;
  return {
    ...same,
    ...(hostPath !== undefined && mount.containerPath !== lastWords && { hostPath }),
    ...(image !== undefined && { image: { ...image, imageRef: "" } }),
  };
}

function digest(value: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(canonical(value))).digest("hex");
}
