import type { ExecId } from "../../ids/object-id.ts";
import { buildExecProcess } from "../../oci/exec-process.ts";
import { compileExecPlan } from "../../runtime/native/plan/compile-exec.ts";
import type { LaunchPlan } from "../../runtime/native/plan/steps.ts";
import type { PodEngine } from "../engine.ts";
import type { RunningContainer } from "./running-container.ts";

export interface ExecCommand {
  readonly id: ExecId;
  readonly command: readonly string[];
  readonly terminal: boolean;
}

/** How a command joins a running container. Makes the exec's cgroup, which is the caller's to remove. */
export function execPlan(
  engine: Pick<PodEngine, "cgroups" | "seccomp">,
  { record, process }: Pick<RunningContainer, "record" | "process">,
  { id, command, terminal }: ExecCommand,
): LaunchPlan {
  return compileExecPlan({
    spec: record.spec,
    process: buildExecProcess(record.spec, command, { terminal }),
    targetPid: process.pid,
    procsFiles: engine.cgroups.createExec(record.cgroup, id),
    seccompProgram: engine.seccomp.program(record.spec.linux.seccomp),
  });
}
