import type { ExecId } from "../../ids/object-id.ts";
import { buildExecProcess } from "../../oci/process/exec-process.ts";
import type { ExecLaunch } from "../../runtime/port.ts";
import type { RunningContainer } from "./running-container.ts";

export interface ExecCommand {
  readonly id: ExecId;
  readonly command: readonly string[];
  readonly terminal: boolean;
  readonly stdin: boolean;
}

/** How a command joins a running container. */
export function execLaunch(
  { record, process }: Pick<RunningContainer, "record" | "process">,
  { id, command, terminal, stdin }: ExecCommand,
): ExecLaunch {
  return {
    id,
    container: { id: record.id, spec: record.spec, process, cgroup: record.cgroup },
    process: buildExecProcess(record.spec, command, { terminal }),
    stdin,
  };
}
