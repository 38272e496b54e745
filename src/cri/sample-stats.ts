import { CribError } from "../errors/crib-error.ts";
import type { ContainerStatsFilter, PodSandboxStatsFilter } from "../gen/runtime/v1/api_pb.ts";
import type { ContainerRecord, SandboxRecord } from "../state/records.ts";
import { matchesContainer, matchesSandbox } from "./convert/matches.ts";
import type { CriDeps } from "./deps.ts";
import { inTurns } from "./transport/in-turns.ts";
import type { WritableTotal } from "./writable-totals.ts";

type Sampling = Pick<CriDeps, "pods" | "clock" | "log">;

/** Running containers that match. */
export function runningContainers(
  { pods }: Pick<CriDeps, "pods">,
  filter: ContainerStatsFilter | undefined,
): readonly ContainerRecord[] {
  return pods.containers().filter((record) => record.state === "running" && matchesContainer(record, filter));
}

/** Ready pods that match. */
export function readySandboxes(
  { pods }: Pick<CriDeps, "pods">,
  filter: PodSandboxStatsFilter | undefined,
): readonly SandboxRecord[] {
  return pods.sandboxes().filter((record) => record.state === "ready" && matchesSandbox(record, filter));
}

/** Samples each record; one that is removed meanwhile, or cannot be told of, is left out: the others are an answer. */
export async function sampleEach<Kept extends { readonly id: string }, Sample>(
  { clock, log }: Pick<CriDeps, "clock" | "log">,
  records: readonly Kept[],
  sample: (id: string) => Promise<Sample>,
): Promise<readonly Sample[]> {
  const samples = await inTurns(records, clock, async ({ id }) => {
    try {
      return [await sample(id)];
    } catch (error) {
      if (!CribError.is(error, "not-found")) log.error({ id, err: error }, "left out of a list");
      return [];
    }
  });
  return samples.flat();
}

/** What all writable layers use together, those of exited containers too. */
export async function sampleWritableLayers(deps: Sampling): Promise<WritableTotal> {
  const samples = await sampleEach(deps, deps.pods.containers(), (id) => deps.pods.containerStats(id));
  return {
    usedBytes: samples.reduce((sum, { writableLayer }) => sum + (writableLayer?.usedBytes ?? 0n), 0n),
    usedInodes: samples.reduce((sum, { writableLayer }) => sum + (writableLayer?.inodesUsed ?? 0n), 0n),
  };
}
