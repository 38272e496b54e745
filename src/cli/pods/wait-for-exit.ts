import { Code, ConnectError } from "@connectrpc/connect";
import { ContainerEventType, ContainerState, type ContainerStatus } from "../../gen/runtime/v1/api_pb.ts";
import type { Clock } from "../../observe/clock.ts";
import { type DaemonClient, noTimeout } from "../program/client.ts";

/** Events tell at once; this is for daemons without them and for the event that fell into a reconnect. */
const pollMs = 500;

/**
 * Resolves with the container's last status once it has ended or is gone; undefined when `signal` aborts first.
 * Follows the daemon's events and asks now and then all the same: neither alone is enough.
 */
export async function waitForExit(
  daemon: DaemonClient,
  clock: Clock,
  containerId: string,
  signal: AbortSignal,
): Promise<ContainerStatus | undefined> {
  const watching = new AbortController();
  let wake = new AbortController();
  const onAbort = (): void => wake.abort();
  signal.addEventListener("abort", onAbort);
  const watched = watch(daemon, containerId, watching.signal, () => wake.abort());
  try {
    while (!signal.aborted) {
      // Before the question: an event that comes while it is on its way makes the next sleep end at once.
      wake = new AbortController();
      const status = await statusOf(daemon, containerId);
      if (status === undefined || status.state === ContainerState.CONTAINER_EXITED) return status;
      if (!signal.aborted) await clock.sleep(pollMs, wake.signal);
    }
    return undefined;
  } finally {
    signal.removeEventListener("abort", onAbort);
    watching.abort();
    await watched;
  }
}

async function statusOf(daemon: DaemonClient, containerId: string): Promise<ContainerStatus | undefined> {
  try {
    return (await daemon.runtime.containerStatus({ containerId })).status;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) return undefined;
    throw error;
  }
}

/** Calls `wake` at each event that may be the end. Never rejects: without events the waiter polls. */
async function watch(daemon: DaemonClient, containerId: string, signal: AbortSignal, wake: () => void): Promise<void> {
  try {
    for await (const event of daemon.runtime.getContainerEvents({}, { signal, timeoutMs: noTimeout })) {
      const type = event.containerEventType;
      const isEnd =
        type === ContainerEventType.CONTAINER_STOPPED_EVENT || type === ContainerEventType.CONTAINER_DELETED_EVENT;
      if (isEnd && event.containerId === containerId) wake();
    }
  } catch {
    // Cancelled by us, not offered by this daemon, or the daemon went away: the poll tells which.
  }
}
