import { toContainerStatus } from "../convert/container.ts";
import { toPodSandboxStatus } from "../convert/sandbox.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

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
        containerEventType: event.type,
        createdAt: event.createdAtNs,
        podSandboxStatus: toPodSandboxStatus(event.sandbox),
        containersStatuses: event.containers.map(toContainerStatus),
      };
    }
  };
}
