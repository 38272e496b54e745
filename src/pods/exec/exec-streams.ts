import { newExecId } from "../../ids/object-id.ts";
import type { ProcessStreams } from "../../runtime/streams.ts";
import type { PodEngine } from "../engine.ts";
import { removeExecGroup } from "../host/remove-exec-group.ts";
import type { ExecStreamsRequest } from "../streams.ts";
import { execFailure } from "./exec-failure.ts";
import { execPlan } from "./exec-plan.ts";
import { runningContainer } from "./running-container.ts";

/** Starts a command in a running container for a client that stays with it; its cgroup goes when the session ends. */
export async function execStreams(engine: PodEngine, request: ExecStreamsRequest): Promise<ProcessStreams> {
  const container = await runningContainer(engine, request.containerId, "exec");
  const { record, monitor } = container;
  const { terminal, stdin, stdout, stderr } = request;
  const id = newExecId();
  const removeGroup = () => removeExecGroup(engine, record.cgroup, id);
  try {
    const session = await monitor.openExec({
      id,
      containerId: record.id,
      plan: execPlan(engine, container, { id, command: request.command, terminal }),
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
    throw await execFailure(engine, record, error);
  }
}
