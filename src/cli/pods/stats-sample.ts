import type { ContainerStats } from "../../gen/runtime/v1/api_pb.ts";
import type { DaemonClient } from "../program/client.ts";

/** What one container or pod had used at one moment; undefined where the daemon cannot tell. */
export interface Sample {
  readonly id: string;
  readonly name: string;
  readonly atNs: bigint;
  /** Processor time since it began. */
  readonly cpuNs: bigint | undefined;
  /** Working set: what the kernel cannot easily take back. */
  readonly memoryBytes: bigint | undefined;
  /** Writable layers. */
  readonly diskBytes: bigint | undefined;
  readonly processes: bigint | undefined;
}

export async function sampleContainers(daemon: DaemonClient, id: string | undefined): Promise<readonly Sample[]> {
  const { stats } = await daemon.runtime.listContainerStats(id === undefined ? {} : { filter: { id } });
  return stats.map((entry) => ({
    id: entry.attributes?.id ?? "",
    name: entry.attributes?.metadata?.name ?? "",
    atNs: entry.cpu?.timestamp ?? 0n,
    cpuNs: entry.cpu?.usageCoreNanoSeconds?.value,
    memoryBytes: entry.memory?.workingSetBytes?.value,
    diskBytes: entry.writableLayer?.usedBytes?.value,
    processes: undefined,
  }));
}

export async function samplePods(daemon: DaemonClient, id: string | undefined): Promise<readonly Sample[]> {
  const { stats } = await daemon.runtime.listPodSandboxStats(id === undefined ? {} : { filter: { id } });
  return stats.map((entry) => ({
    id: entry.attributes?.id ?? "",
    name: `${entry.attributes?.metadata?.namespace}/${entry.attributes?.metadata?.name}`,
    atNs: entry.linux?.cpu?.timestamp ?? 0n,
    cpuNs: entry.linux?.cpu?.usageCoreNanoSeconds?.value,
    memoryBytes: entry.linux?.memory?.workingSetBytes?.value,
    diskBytes: diskOf(entry.linux?.containers ?? []),
    processes: entry.linux?.process?.processCount?.value,
  }));
}

function diskOf(containers: readonly ContainerStats[]): bigint {
  return containers.reduce((sum, container) => sum + (container.writableLayer?.usedBytes?.value ?? 0n), 0n);
}
