import { ContainerStatsSchema, StreamContainerStatsResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import { batches } from "../convert/batches.ts";
import { encodedList, encodeElement } from "../convert/encoded.ts";
import { toContainerStats } from "../convert/stats.ts";
import type { CriDeps } from "../deps.ts";
import { groupsOf, sampledAtOnce } from "../groups-of.ts";
import type { RuntimeRpc } from "../handler.ts";
import { runningContainers, sampleEach } from "../sample-stats.ts";

/** ListContainerStats without a limit on the reply's size (KEP-5825): what is sent is measured just before. */
export function streamContainerStats(deps: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"streamContainerStats"> {
  return async function* ({ filter }) {
    for (const group of groupsOf(runningContainers(deps, filter), sampledAtOnce)) {
      const encoded = await sampleEach(deps, group, async (id) =>
        encodeElement(ContainerStatsSchema, toContainerStats(await deps.pods.containerStats(id))),
      );
      for (const batch of batches(encoded))
        yield encodedList(
          StreamContainerStatsResponseSchema,
          StreamContainerStatsResponseSchema.field.containerStats,
          batch,
        );
    }
  };
}
