import { ContainerStatsSchema, StreamContainerStatsResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { encodedList, encodeElement } from "../../convert/encoded.ts";
import { toContainerStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { runningContainers } from "../../sample-stats.ts";
import { sampledBatches } from "../../sampled-batches.ts";

/** ListContainerStats without a limit on the reply's size (KEP-5825): what is sent is measured just before. */
export function streamContainerStats(
  deps: Pick<CriDeps, "pods" | "clock" | "log">,
): RuntimeRpc<"streamContainerStats"> {
  return async function* ({ filter }) {
    const samples = sampledBatches(
      deps,
      runningContainers(deps, filter),
      (id, patience) => deps.pods.containerStats(id, patience),
      (sample) => encodeElement(ContainerStatsSchema, toContainerStats(sample)),
    );
    for await (const batch of samples)
      yield encodedList(
        StreamContainerStatsResponseSchema,
        StreamContainerStatsResponseSchema.field.containerStats,
        batch,
      );
  };
}
