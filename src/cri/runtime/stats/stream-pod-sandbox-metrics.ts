import { PodSandboxMetricsSchema, StreamPodSandboxMetricsResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { encodedList, encodeElement } from "../../convert/encoded.ts";
import { toPodSandboxMetrics } from "../../convert/metrics.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { readySandboxes } from "../../sample-stats.ts";
import { sampledBatches } from "../../sampled-batches.ts";

/** ListPodSandboxMetrics without a limit on the reply's size (KEP-5825): what is sent is measured just before. */
export function streamPodSandboxMetrics(
  deps: Pick<CriDeps, "pods" | "clock" | "log">,
): RuntimeRpc<"streamPodSandboxMetrics"> {
  return async function* () {
    const samples = sampledBatches(
      deps,
      readySandboxes(deps, undefined),
      (id, patience) => deps.pods.sandboxMetrics(id, patience),
      (sample) => encodeElement(PodSandboxMetricsSchema, toPodSandboxMetrics(sample, deps.clock.now())),
    );
    for await (const batch of samples)
      yield encodedList(
        StreamPodSandboxMetricsResponseSchema,
        StreamPodSandboxMetricsResponseSchema.field.podSandboxMetrics,
        batch,
      );
  };
}
