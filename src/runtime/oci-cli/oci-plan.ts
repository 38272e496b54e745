import type { HostPath } from "../../ids/path.ts";
import { CLONE_NEWNS } from "../../kernel/clone-flags.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { compileMounts } from "../native/plan/compile-mounts.ts";
import type { LaunchPlan, PlanStep } from "../native/plan/steps.ts";
import type { ContainerRootfs } from "../port.ts";
import { isMadeBefore } from "./oci-document.ts";

/** A call of the runtime, as the pod's monitor has it made. */
export interface RuntimeCall {
  /** Where it runs; its pid file and the terminal's socket are there. */
  readonly directory: HostPath;
  readonly create: readonly string[];
  readonly start: readonly string[];
  readonly pidFile: string;
  readonly terminal: boolean;
}

/** Programs of the host, found where the host's administrator has them. */
const env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
/** Of each call; the whole launch has a deadline of its own. */
const callSeconds = 50;

/**
 * The root is mounted in a mount namespace of the launch's own: the runtime's container begins as a copy of that, and the host
 * never sees a mount of it. Volumes that the OCI has no words for are in the root by then.
 */
export function containerPlan(spec: RuntimeSpec, rootfs: ContainerRootfs, call: RuntimeCall): LaunchPlan {
  const { mountLabel } = spec.linux;
  const images = { staging: rootfs.attachAt, idmapped: false };
  const noGroups = { hierarchies: [], own: false };
  const volumes = compileMounts(spec.mounts.filter(isMadeBefore), noGroups, images, mountLabel);
  const steps: readonly PlanStep[] = [
    ...volumes.open,
    { kind: "root-propagation", propagation: "slave" },
    ...volumes.make,
    { kind: "rootfs", ...rootfs, options: mountLabel === undefined ? [] : [`context=${mountLabel}`] },
    ...volumes.fill,
    ...volumes.attach,
    runtimeStep(call),
  ];
  return { cloneFlags: CLONE_NEWNS, pidNamespace: { kind: "host" }, join: undefined, steps };
}

export function execPlan(call: RuntimeCall): LaunchPlan {
  return { cloneFlags: 0, pidNamespace: { kind: "host" }, join: undefined, steps: [runtimeStep(call)] };
}

function runtimeStep({ directory, create, start, pidFile, terminal }: RuntimeCall): PlanStep {
  return { kind: "runtime", bundle: directory, create, start, env, pidFile, terminal, timeoutSeconds: callSeconds };
}
