import type { Container, ContainerFilter, PodSandbox } from "../../gen/runtime/v1/api_pb.ts";
import type { DaemonClient } from "../program/client.ts";

export interface Inventory {
  readonly containers: readonly Container[];
  readonly pods: readonly PodSandbox[];
}

/** Everything the daemon runs, asked at once; newest first, as people look for what they just started. */
export async function listInventory(
  daemon: DaemonClient,
  filter?: Pick<ContainerFilter, "labelSelector">,
): Promise<Inventory> {
  const request = filter === undefined ? {} : { filter };
  const [containers, pods] = await Promise.all([
    daemon.runtime.listContainers(request),
    daemon.runtime.listPodSandbox(request),
  ]);
  return { containers: containers.containers.toSorted(newestFirst), pods: pods.items.toSorted(newestFirst) };
}

function newestFirst(a: { readonly createdAt: bigint }, b: { readonly createdAt: bigint }): number {
  return a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0;
}
