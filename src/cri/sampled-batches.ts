import type { Patience } from "../observe/patience.ts";
import { batches } from "./convert/batches.ts";
import type { EncodedElement } from "./convert/encoded.ts";
import type { CriDeps } from "./deps.ts";
import { sampleEach } from "./sample-stats.ts";

/** Records sampled before what there is of them is sent. */
const sampledAtOnce = 64;

/** Samples records a few at a time and cuts what comes of them into messages, so that what is sent was measured just before. */
export async function* sampledBatches<Kept extends { readonly id: string }, Sample>(
  deps: Pick<CriDeps, "clock" | "log">,
  records: readonly Kept[],
  sample: (id: string, patience: Patience) => Promise<Sample>,
  tell: (sample: Sample) => EncodedElement,
): AsyncGenerator<readonly EncodedElement[]> {
  for (let start = 0; start < records.length; start += sampledAtOnce) {
    yield* batches(await sampleEach(deps, records.slice(start, start + sampledAtOnce), sample, tell));
  }
}
