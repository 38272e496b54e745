import type { HostPath } from "../../../ids/path.ts";
import type { Pid } from "../../../ids/process.ts";
import { CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWUSER } from "../../../kernel/clone-flags.ts";
import type { RuntimeSpec, SpecProcess } from "../../../oci/runtime-spec.ts";
import { keyringName, stdioOwner } from "./compile-container.ts";
import { compileProcess, limitSteps, seccompFilter } from "./compile-process.ts";
import type { LaunchPlan, PlanStep } from "./steps.ts";

export interface ExecPlanInput {
  readonly spec: RuntimeSpec;
  readonly process: SpecProcess;
  /** The container's init, in the host's numbering. */
  readonly targetPid: Pid;
  /** cgroup.procs of the groups the exec belongs to, in every hierarchy. */
  readonly procsFiles: readonly HostPath[];
  readonly seccompProgram: Uint8Array | undefined;
}

/**
 * The launch plan of another process in a running container: born in its pid namespace (a child is, a joiner is not), in its
 * mount and cgroup namespaces; network, ipc and uts come with the monitor that is its parent.
 *
 * Control groups and oom score need the host's /sys and /proc, which the container's mount namespace does not have: the
 * init stage carries out leading `join-cgroup` and `oom-score-adj` steps before it joins. The rest is what the container's
 * own init did last, under the same filter, so that an exec is never less confined than the container.
 */
export function compileExecPlan(input: ExecPlanInput): LaunchPlan {
  const { spec, process, targetPid } = input;
  const userns = spec.linux.uidMappings !== undefined;
  const limits = limitSteps(process);
  const steps: readonly PlanStep[] = [
    ...input.procsFiles.map((procsFile): PlanStep => ({ kind: "join-cgroup", procsFile })),
    { kind: "oom-score-adj", value: process.oomScoreAdj ?? 0 },
    ...(userns ? [...limits, ...stdioOwner(spec, process)] : []),
    ...(process.terminal ? [{ kind: "console" } as const] : []),
    ...compileProcess(
      process,
      seccompFilter(input.seccompProgram, spec.linux.seccomp?.flags),
      keyringName(spec),
      userns ? [] : limits,
    ),
  ];
  return {
    cloneFlags: 0,
    pidNamespace: { kind: "process", pid: targetPid },
    join: { pid: targetPid, namespaces: CLONE_NEWNS | CLONE_NEWCGROUP | (userns ? CLONE_NEWUSER : 0) },
    steps,
  };
}
