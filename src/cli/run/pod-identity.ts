import type { RunWanted } from "./run-flags.ts";

/** Which process waits for this pod, as `processRef` tells it; marks a pod as made by `crib run`. */
export const ownerLabel = "crib.run/owner";

const namespace = "crib-run";

export interface PodIdentity {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly attempt: number;
  };
  readonly labels: { readonly [key: string]: string };
}

/** A name people recognise, a uid of its own, and the labels that kubelet's tools expect. */
export function podIdentity(wanted: RunWanted, processRef: string): PodIdentity {
  const uid = crypto.randomUUID();
  const name = wanted.name ?? `${imageBaseName(wanted.image)}-${uid.slice(0, 4)}`;
  return {
    metadata: { name, uid, namespace, attempt: 0 },
    labels: {
      "io.kubernetes.pod.name": name,
      "io.kubernetes.pod.namespace": namespace,
      "io.kubernetes.pod.uid": uid,
      // Kept or detached pods outlive the process that made them: it does not wait for them.
      ...(wanted.keep || wanted.detach ? {} : { [ownerLabel]: processRef }),
    },
  };
}

/** Where the kubelet would put it, so that log collectors find it. */
export function logDirectoryOf({ metadata }: PodIdentity): string {
  return `/var/log/pods/${metadata.namespace}_${metadata.name}_${metadata.uid}`;
}

/** `registry:5000/team/App:1.0@sha256:…` → `app`. */
function imageBaseName(image: string): string {
  const last = image.split("@", 1)[0]?.split("/").at(-1)?.split(":", 1)[0] ?? "";
  return (
    last
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 50) || "container"
  );
}
