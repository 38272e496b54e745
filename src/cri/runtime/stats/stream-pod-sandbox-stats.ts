import { PodSandboxStatsSchema, StreamPodSandboxStatsResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { encodedList, encodeElement } from "../../convert/encoded.ts";
import { toPodSandboxStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { readySandboxes } from "../../sample-stats.ts";
import { sampledBatches } from "../../sampled-batches.ts";

/** ListPodSandboxStats without a limit on the reply's size (KEP-5825): what is sent is measured just before. */
export function streamPodSandboxStats(
  deps: Pick<CriDeps, "pods" | "clock" | "log">,
): RuntimeRpc<"streamPodSandboxStats"> {
  return async function* ({ filter }) {
    const samples = sampledBatches(
      deps,
      readySandboxes(deps, filter),
      (id, patience) => deps.pods.sandboxStats(id, patience),
      (sample) => encodeElement(PodSandboxStatsSchema, toPodSandboxStats(sample, deps.clock.now())),
    );
    for await (const batch of samples)
      yield encodedList(
        StreamPodSandboxStatsResponseSchema,
        StreamPodSandboxStatsResponseSchema.field.podSandboxStats,
        batch,
      );
  };
}
