import { ListPodSandboxMetricsResponseSchema, PodSandboxMetricsSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { encodedList, encodeElement } from "../../convert/encoded.ts";
import { toPodSandboxMetrics } from "../../convert/metrics.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { readySandboxes, sampleEach } from "../../sample-stats.ts";

/** Every pod's metrics, measured for this call: nothing is cached or throttled. */
export function listPodSandboxMetrics(
  deps: Pick<CriDeps, "pods" | "clock" | "log">,
): RuntimeRpc<"listPodSandboxMetrics"> {
  return async () => {
    const encoded = await sampleEach(
      deps,
      readySandboxes(deps, undefined),
      (id, patience) => deps.pods.sandboxMetrics(id, patience),
      (sample) => encodeElement(PodSandboxMetricsSchema, toPodSandboxMetrics(sample, deps.clock.now())),
    );
    return encodedList(
      ListPodSandboxMetricsResponseSchema,
      ListPodSandboxMetricsResponseSchema.field.podMetrics,
      encoded,
    );
  };
}
