import type { HostPath } from "../../ids/path.ts";
import type { RuntimeSpec, SpecMount, SpecNamespace, SpecProcess } from "../../oci/runtime-spec.ts";
import type { PidNamespace } from "../port.ts";

export interface OciDocumentInput {
  readonly spec: RuntimeSpec;
  readonly rootfs: HostPath;
  readonly pidNamespace: PidNamespace;
  readonly leastOomScore: number | undefined;
}

/** Nothing that is handed over is newer, and runtimes of before refuse a document that calls itself so (crun 1.8). */
const ociVersion = "1.0.2";

/**
 * The document as another runtime is handed it: what the OCI has no words for is done before it runs, and what the pod has already
 * is left out. The runtime is started by the pod's monitor, whose network, ipc and uts namespaces it inherits: a document that
 * does not name them means those.
 */
export function ociDocument({ spec, rootfs, pidNamespace, leastOomScore }: OciDocumentInput): RuntimeSpec {
  const { hostname: _pods, ...rest } = spec;
  const { sysctl: _podsToo, ...linux } = spec.linux;
  return {
    ...rest,
    ociVersion,
    root: { ...spec.root, path: rootfs },
    process: ociProcess(spec.process, leastOomScore),
    mounts: spec.mounts.filter((mount) => !isMadeBefore(mount)),
    linux: { ...linux, namespaces: ownNamespaces(linux.namespaces, pidNamespace) },
  };
}

/** `leastOomScore`: what the kernel refuses to go below here; undefined where any is granted. */
export function ociProcess(process: SpecProcess, leastOomScore: number | undefined): SpecProcess {
  if (leastOomScore === undefined || (process.oomScoreAdj ?? 0) >= leastOomScore) return process;
  return { ...process, oomScoreAdj: leastOomScore };
}

/** Images and copies of what the root has: steps of the plan that runs the runtime. */
export function isMadeBefore({ image, copyUp }: SpecMount): boolean {
  return image !== undefined || copyUp === true;
}

const podsOwn: ReadonlySet<string> = new Set(["network", "ipc", "uts", "pid"]);

function ownNamespaces(namespaces: readonly SpecNamespace[], pid: PidNamespace): readonly SpecNamespace[] {
  const kept = namespaces.filter(({ type }) => !podsOwn.has(type));
  switch (pid.kind) {
    case "own":
      return [...kept, { type: "pid" }];
    case "host":
      return kept;
    case "pod":
      return [...kept, { type: "pid", path: `/proc/${pid.init ?? 0}/ns/pid` }];
    case "process":
      return [...kept, { type: "pid", path: `/proc/${pid.pid}/ns/pid` }];
  }
}
