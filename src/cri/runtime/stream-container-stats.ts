import { batches } from "../convert/batches.ts";
import { toContainerStats } from "../convert/stats.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { sampleContainers } from "../sample-stats.ts";

/** ListContainerStats without a limit on the reply's size (KEP-5825). */
export function streamContainerStats({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"streamContainerStats"> {
  return async function* ({ filter }) {
    for (const batch of batches(await sampleContainers(pods, filter)))
      yield { containerStats: batch.map(toContainerStats) };
  };
}
