import { newExecId } from "../../ids/object-id.ts";
import type { ProcessStreams } from "../../runtime/streams.ts";
import type { PodEngine } from "../engine.ts";
import type { ExecStreamsRequest } from "../streams.ts";
import { execFailure } from "./exec-failure.ts";
import { execLaunch } from "./exec-launch.ts";
import { runningContainer } from "./running-container.ts";

/** Starts a command in a running container for a client that stays with it. */
export async function execStreams(engine: PodEngine, request: ExecStreamsRequest): Promise<ProcessStreams> {
  const container = await runningContainer(engine, request.containerId, "exec");
  const { command, terminal, stdin, stdout, stderr } = request;
  const launch = execLaunch(container, { id: newExecId(), command, terminal, stdin });
  try {
    return await container.monitor.openExec({ ...launch, stdout, stderr });
  } catch (error) {
    throw await execFailure(engine, container.record, error);
  }
}
