import { CribError } from "../errors/crib-error.ts";
import type { ContainerStatsFilter, PodSandboxStatsFilter } from "../gen/runtime/v1/api_pb.ts";
import type { ContainerStatsSample, Pods, SandboxStatsSample } from "../pods/port.ts";
import { matchesContainer, matchesSandbox } from "./convert/matches.ts";
import type { WritableTotal } from "./writable-totals.ts";

/** Samples of every running container that matches; one that ends meanwhile is left out. */
export async function sampleContainers(
  pods: Pods,
  filter: ContainerStatsFilter | undefined,
): Promise<readonly ContainerStatsSample[]> {
  const matching = pods.containers().filter((record) => record.state === "running" && matchesContainer(record, filter));
  return await settled(matching.map((record) => pods.containerStats(record.id)));
}

/** Samples of every ready pod that matches; one that is removed meanwhile is left out. */
export async function sampleSandboxes(
  pods: Pods,
  filter: PodSandboxStatsFilter | undefined,
): Promise<readonly SandboxStatsSample[]> {
  const matching = pods.sandboxes().filter((record) => record.state === "ready" && matchesSandbox(record, filter));
  return await settled(matching.map((record) => pods.sandboxStats(record.id)));
}

/** What all writable layers use together, those of exited containers too. */
export async function sampleWritableLayers(pods: Pods): Promise<WritableTotal> {
  const samples = await settled(pods.containers().map((record) => pods.containerStats(record.id)));
  return {
    usedBytes: samples.reduce((sum, { writableLayer }) => sum + writableLayer.usedBytes, 0n),
    usedInodes: samples.reduce((sum, { writableLayer }) => sum + writableLayer.inodesUsed, 0n),
  };
}

async function settled<T>(samples: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(samples);
  return results.flatMap((result) => {
    if (result.status === "fulfilled") return [result.value];
    if (CribError.is(result.reason, "not-found")) return [];
    throw result.reason;
  });
}
