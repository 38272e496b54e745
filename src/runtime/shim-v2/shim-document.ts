import { readlinkSync } from "node:fs";
import type { SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import type { RuntimeSpec, SpecNamespace } from "../../oci/runtime-spec.ts";
import { isMadeBefore, ociProcess } from "../oci-cli/oci-document.ts";
import type { PidNamespace } from "../port.ts";

/** Nothing that is handed over is newer. */
const ociVersion = "1.0.2";

/** Of the pod, which its keeper lives in: names of the OCI's, and of /proc/PID/ns. */
const podNamespaces = { network: "net", ipc: "ipc", uts: "uts" } as const;

/** The pod's namespaces by the keeper that holds them. One that is the host's is left out: a shim starts from the host's. */
export function namespacesOf(keeper: Pid): readonly SpecNamespace[] {
  return Object.entries(podNamespaces).flatMap(([type, name]) => {
    const path = `/proc/${keeper}/ns/${name}`;
    return readlinkSync(path) === readlinkSync(`/proc/self/ns/${name}`) ? [] : [{ type, path }];
  });
}

/** By these shims tell a pod's containers from its sandbox, and which shim is whose. */
function podAnnotations(sandbox: SandboxId, type: "container" | "sandbox"): Readonly<Record<string, string>> {
  return { "io.kubernetes.cri.container-type": type, "io.kubernetes.cri.sandbox-id": sandbox };
}

export interface ShimDocumentInput {
  readonly sandbox: SandboxId;
  readonly spec: RuntimeSpec;
  readonly rootfs: HostPath;
  readonly pod: readonly SpecNamespace[];
  readonly pidNamespace: PidNamespace;
  readonly leastOomScore: number | undefined;
}

/** The document as a shim's runtime is handed it: the pod's namespaces are named by their paths. */
export function shimDocument({
  sandbox,
  spec,
  rootfs,
  pod,
  pidNamespace,
  leastOomScore,
}: ShimDocumentInput): RuntimeSpec {
  // The pod's sysctls are set; of a sandbox with a kernel of its own they are the sandbox's.
  const { sysctl: _pods, ...linux } = spec.linux;
  const kept = linux.namespaces.filter(({ type }) => type !== "pid" && !(type in podNamespaces));
  return {
    ...withHostnameOf(spec, pod),
    ociVersion,
    root: { ...spec.root, path: rootfs },
    process: ociProcess(spec.process, leastOomScore),
    mounts: spec.mounts.filter((mount) => !isMadeBefore(mount)),
    annotations: { ...spec.annotations, ...podAnnotations(sandbox, "container") },
    linux: { ...linux, namespaces: [...kept, ...pod, ...pidNamespaces(pidNamespace)] },
  };
}

/** A runtime refuses to set the name of the host. */
function withHostnameOf(spec: RuntimeSpec, pod: readonly SpecNamespace[]): RuntimeSpec {
  if (pod.some(({ type }) => type === "uts")) return spec;
  const { hostname: _none, ...rest } = spec;
  return rest;
}

function pidNamespaces(pid: PidNamespace): readonly SpecNamespace[] {
  switch (pid.kind) {
    case "own":
      return [{ type: "pid" }];
    case "host":
      return [];
    case "pod":
      return [{ type: "pid", path: `/proc/${pid.init ?? 0}/ns/pid` }];
    case "process":
      return [{ type: "pid", path: `/proc/${pid.pid}/ns/pid` }];
  }
}

export interface SandboxDocumentInput {
  readonly sandbox: SandboxId;
  /** Of the container that is started first: what of it is the pod's is taken over. */
  readonly spec: RuntimeSpec;
  readonly rootfs: HostPath;
  readonly args: readonly string[];
  readonly pod: readonly SpecNamespace[];
  readonly cgroup: string;
}

const inert = ["nosuid", "noexec", "nodev"];

/** The container that a sandboxed runtime's sandbox begins with: it does nothing, with no rights. */
export function sandboxDocument({ sandbox, spec, rootfs, args, pod, cgroup }: SandboxDocumentInput): RuntimeSpec {
  const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
  const pods = Object.entries(spec.annotations).filter(([name]) => !name.startsWith("io.kubernetes.cri.container-"));
  const base: RuntimeSpec = {
    ociVersion,
    process: {
      terminal: false,
      user: { uid: 0, gid: 0, additionalGids: [] },
      args,
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      cwd: "/",
      capabilities: none,
      rlimits: [],
      noNewPrivileges: true,
    },
    root: { path: rootfs, readonly: true },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: inert },
      // Its nodes would be made in the root, which is the host's.
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=64k"] },
    ],
    annotations: { ...Object.fromEntries(pods), ...podAnnotations(sandbox, "sandbox") },
    linux: {
      namespaces: [{ type: "mount" }, { type: "pid" }, ...pod],
      devices: [],
      cgroupsPath: cgroup,
      resources: { devices: [] },
      maskedPaths: [],
      readonlyPaths: [],
    },
  };
  const named = spec.hostname === undefined ? base : { ...base, hostname: spec.hostname };
  return withHostnameOf(named, pod);
}
