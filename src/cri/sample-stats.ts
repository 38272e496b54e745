import { CribError } from "../errors/crib-error.ts";
import type { ContainerStatsFilter, PodSandboxStatsFilter } from "../gen/runtime/v1/api_pb.ts";
import { Patience } from "../observe/patience.ts";
import { TimeSlice } from "../observe/time-slice.ts";
import type { ContainerRecord, SandboxRecord } from "../state/records.ts";
import { matchesContainer, matchesSandbox } from "./convert/matches.ts";
import type { CriDeps } from "./deps.ts";
import type { WritableTotal } from "./writable-totals.ts";

type Sampling = Pick<CriDeps, "pods" | "clock" | "log">;

/** What an answer waits for all its parts together, however many there are. */
const patienceMs = 400;
/** Of the event loop, between two turns of others. */
const sliceMs = 2;

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

export function samplingPatience({ clock }: Pick<CriDeps, "clock">): Patience {
  return new Patience(clock, patienceMs);
}

/**
 * Samples each record and tells what came of it; one that is removed meanwhile, or cannot be told of, is left out: the others
 * are an answer. All are begun before any is waited for, with pauses in which other RPCs get their turn.
 */
export async function sampleEach<Kept extends { readonly id: string }, Sample, Told>(
  deps: Pick<CriDeps, "clock" | "log">,
  records: readonly Kept[],
  sample: (id: string, patience: Patience) => Promise<Sample>,
  tell: (sample: Sample) => Told,
): Promise<readonly Told[]> {
  const patience = samplingPatience(deps);
  const slice = new TimeSlice(deps.clock, sliceMs);
  const begun: Promise<Sample | undefined>[] = [];
  for (const { id } of records) {
    await slice.turn();
    begun.push(sample(id, patience).catch((error: unknown) => leaveOut(deps, id, error)));
  }
  const told: Told[] = [];
  for (const one of begun) {
    const found = await one;
    await slice.turn();
    if (found !== undefined) told.push(tell(found));
  }
  return told;
}

function leaveOut({ log }: Pick<CriDeps, "log">, id: string, error: unknown): undefined {
  if (!CribError.is(error, "not-found")) log.error({ id, err: error }, "left out of a list");
  return undefined;
}

/** What all writable layers use together, those of exited containers too. */
export async function sampleWritableLayers(deps: Sampling): Promise<WritableTotal> {
  const layers = await sampleEach(
    deps,
    deps.pods.containers(),
    (id, patience) => deps.pods.containerStats(id, patience),
    ({ writableLayer }) => writableLayer,
  );
  return {
    usedBytes: layers.reduce((sum, layer) => sum + (layer?.usedBytes ?? 0n), 0n),
    usedInodes: layers.reduce((sum, layer) => sum + (layer?.inodesUsed ?? 0n), 0n),
  };
}
