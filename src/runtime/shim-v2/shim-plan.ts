import type { HostPath } from "../../ids/path.ts";
import { joinHostPath, parseHostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS } from "../../kernel/clone-flags.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { compileMounts } from "../native/plan/compile-mounts.ts";
import type { LaunchPlan, PlanStep } from "../native/plan/steps.ts";
import { isMadeBefore } from "../oci-cli/oci-document.ts";
import type { ContainerRootfs } from "../port.ts";

/** Files of the sandbox's bundle that its start leaves. */
export const bootstrapFile = "bootstrap-input";
export const answerFile = "bootstrap-output";
export const startErrorsFile = "start-errors";
/** In a bundle: what the shim said of a call that failed. */
export const errorFile = "error";

/** Of a shim's start; of a container's creation and start together. */
const startSeconds = 20;
const launchSeconds = 50;

export interface ShimStart {
  readonly bundle: HostPath;
  readonly argv: readonly string[];
  readonly env: readonly string[];
}

/**
 * A shim is started where others start them, in the host's namespaces, which the pod's monitor has left; but with mounts of its
 * own: the roots of its containers are seen by it alone, and go with it. `daemon` lives in the host's namespaces.
 */
export function shimStartPlan({ bundle, argv, env }: ShimStart, daemon: number): LaunchPlan {
  const back = { net: CLONE_NEWNET, ipc: CLONE_NEWIPC, uts: CLONE_NEWUTS } as const;
  const steps: readonly PlanStep[] = [
    ...Object.entries(back).map(([name, nsType]): PlanStep => {
      return { kind: "join-namespace", path: parseHostPath(`/proc/${daemon}/ns/${name}`), nsType };
    }),
    { kind: "root-propagation", propagation: "slave" },
    {
      kind: "shim-start",
      bundle,
      argv,
      env,
      input: bootstrapFile,
      output: answerFile,
      errors: startErrorsFile,
      timeoutSeconds: startSeconds,
    },
  ];
  return { cloneFlags: CLONE_NEWNS, pidNamespace: { kind: "host" }, join: undefined, steps };
}

/** Requests of a container or a command, in the order in which they are sent. */
export interface ShimRequests {
  readonly create: Uint8Array;
  readonly start: Uint8Array;
  readonly wait: Uint8Array;
  readonly end: Uint8Array;
  /** Undefined: it has no input. */
  readonly closeStdin: Uint8Array | undefined;
  /** Undefined: it has no terminal. */
  readonly resize: Uint8Array | undefined;
}

export interface ShimLaunch {
  readonly directory: HostPath;
  readonly socket: string;
  readonly requests: ShimRequests;
}

/** The root is mounted where the shim sees it: in the shim's mount namespace. Volumes that the OCI has no words for are in it. */
export function shimContainerPlan(
  spec: RuntimeSpec,
  rootfs: ContainerRootfs,
  launch: ShimLaunch,
  shim: Pid,
): LaunchPlan {
  const { mountLabel } = spec.linux;
  const images = { staging: rootfs.attachAt, idmapped: false };
  const noGroups = { hierarchies: [], own: false };
  const volumes = compileMounts(spec.mounts.filter(isMadeBefore), noGroups, images, mountLabel);
  const steps: readonly PlanStep[] = [
    ...volumes.open,
    { kind: "join-namespace", path: parseHostPath(`/proc/${shim}/ns/mnt`), nsType: CLONE_NEWNS },
    ...volumes.make,
    { kind: "rootfs", ...rootfs, options: mountLabel === undefined ? [] : [`context=${mountLabel}`] },
    ...volumes.fill,
    ...volumes.attach,
    shimStep(launch, rootfs.attachAt),
  ];
  return { cloneFlags: 0, pidNamespace: { kind: "host" }, join: undefined, steps };
}

/** Of a command, and of the sandbox's own container: `root` is there already. */
export function shimCommandPlan(launch: ShimLaunch, root: HostPath): LaunchPlan {
  return { cloneFlags: 0, pidNamespace: { kind: "host" }, join: undefined, steps: [shimStep(launch, root)] };
}

function shimStep({ directory, socket, requests }: ShimLaunch, root: HostPath): PlanStep {
  return { kind: "shim", bundle: directory, socket, root, ...requests, timeoutSeconds: launchSeconds };
}

/** Where a shim finds the stdio of a container or a command: links that the launch makes. */
export function stdioPaths(directory: HostPath, io: { readonly terminal: boolean; readonly stdin: boolean }) {
  return {
    stdin: io.stdin ? joinHostPath(directory, "stdin") : "",
    stdout: joinHostPath(directory, "stdout"),
    stderr: io.terminal ? "" : joinHostPath(directory, "stderr"),
  };
}
