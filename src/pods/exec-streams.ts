import { newExecId } from "../ids/object-id.ts";
import { buildExecProcess } from "../oci/exec-process.ts";
import type { ProcessStreams } from "../runtime/monitor/streams.ts";
import { compileExecPlan } from "../runtime/plan/compile-exec.ts";
import type { PodEngine } from "./engine.ts";
import { runningContainer } from "./running-container.ts";
import type { ExecStreamsRequest } from "./streams.ts";

/** Starts a command in a running container for a client that stays with it; its cgroup goes when the session ends. */
export async function execStreams(engine: PodEngine, request: ExecStreamsRequest): Promise<ProcessStreams> {
  const { record, process, monitor } = runningContainer(engine, request.containerId, "exec");
  const { terminal, stdin, stdout, stderr } = request;
  const id = newExecId();
  const removeGroup = () => engine.cgroups.removeExec(record.cgroup, id);
  try {
    const session = await monitor.openExec({
      id,
      containerId: record.id,
      plan: compileExecPlan({
        spec: record.spec,
        process: buildExecProcess(record.spec, request.command, { terminal }),
        targetPid: process.pid,
        procsFiles: engine.cgroups.createExec(record.cgroup, id),
        seccompProgram: engine.seccomp.program(record.spec.linux.seccomp),
      }),
      terminal,
      stdin,
      stdout,
      stderr,
    });
    void session.exited.then(removeGroup, () => {
      engine.cgroups.killExec(record.cgroup, id);
      removeGroup();
    });
    return session;
  } catch (error) {
    removeGroup();
    throw error;
  }
}
