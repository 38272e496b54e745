import { PodSandboxMetricsSchema, StreamPodSandboxMetricsResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import { batches } from "../convert/batches.ts";
import { encodedList, encodeElement } from "../convert/encoded.ts";
import { toPodSandboxMetrics } from "../convert/metrics.ts";
import type { CriDeps } from "../deps.ts";
import { groupsOf, sampledAtOnce } from "../groups-of.ts";
import type { RuntimeRpc } from "../handler.ts";
import { readySandboxes, sampleEach } from "../sample-stats.ts";

/** ListPodSandboxMetrics without a limit on the reply's size (KEP-5825): what is sent is measured just before. */
export function streamPodSandboxMetrics(deps: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"streamPodSandboxMetrics"> {
  return async function* () {
    for (const group of groupsOf(readySandboxes(deps, undefined), sampledAtOnce)) {
      const encoded = await sampleEach(deps, group, async (id) =>
        encodeElement(
          PodSandboxMetricsSchema,
          toPodSandboxMetrics(await deps.pods.sandboxMetrics(id), deps.clock.now()),
        ),
      );
      for (const batch of batches(encoded))
        yield encodedList(
          StreamPodSandboxMetricsResponseSchema,
          StreamPodSandboxMetricsResponseSchema.field.podSandboxMetrics,
          batch,
        );
    }
  };
}
