import type { ProcessStreams } from "../../runtime/streams.ts";
import type { PodEngine } from "../engine.ts";
import type { AttachStreamsRequest } from "../streams.ts";
import { runningContainer } from "./running-container.ts";

/** Joins a running container's own input and output, from now on. A terminal has no error output of its own. */
export async function attachStreams(engine: PodEngine, request: AttachStreamsRequest): Promise<ProcessStreams> {
  const { record, monitor } = await runningContainer(engine, request.containerId, "be attached to");
  const { stdin, stdout, stderr } = request;
  return await monitor.attach({ containerId: record.id, stdin, stdout, stderr });
}
