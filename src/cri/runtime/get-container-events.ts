import { ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import type { PodEvent } from "../../pods/port.ts";
import { toContainerStatus } from "../convert/container.ts";
import { toPodSandboxStatus } from "../convert/sandbox.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

const eventTypes: Readonly<Record<PodEvent["type"], ContainerEventType>> = {
  created: ContainerEventType.CONTAINER_CREATED_EVENT,
  started: ContainerEventType.CONTAINER_STARTED_EVENT,
  stopped: ContainerEventType.CONTAINER_STOPPED_EVENT,
  deleted: ContainerEventType.CONTAINER_DELETED_EVENT,
};

/**
 * Every change as it happens, with the pod's state right after it (evented PLEG, KEP-3386). Ends when the client leaves,
 * and when the daemon stops: the kubelet then connects again and lists.
 */
export function getContainerEvents(
  { pods }: Pick<CriDeps, "pods">,
  shutdown: AbortSignal,
): RuntimeRpc<"getContainerEvents"> {
  return async function* (_request, context) {
    for await (const event of pods.events(AbortSignal.any([context.signal, shutdown]))) {
      yield {
        containerId: event.containerId,
        containerEventType: eventTypes[event.type],
        createdAt: event.createdAtNs,
        podSandboxStatus: toPodSandboxStatus(event.sandbox),
        containersStatuses: event.containers.map(toContainerStatus),
      };
    }
  };
}
