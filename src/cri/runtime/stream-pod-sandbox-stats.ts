import { PodSandboxStatsSchema, StreamPodSandboxStatsResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import { batches } from "../convert/batches.ts";
import { encodedList, encodeElement } from "../convert/encoded.ts";
import { toPodSandboxStats } from "../convert/stats.ts";
import type { CriDeps } from "../deps.ts";
import { groupsOf, sampledAtOnce } from "../groups-of.ts";
import type { RuntimeRpc } from "../handler.ts";
import { readySandboxes, sampleEach } from "../sample-stats.ts";

/** ListPodSandboxStats without a limit on the reply's size (KEP-5825): what is sent is measured just before. */
export function streamPodSandboxStats(deps: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"streamPodSandboxStats"> {
  return async function* ({ filter }) {
    for (const group of groupsOf(readySandboxes(deps, filter), sampledAtOnce)) {
      const encoded = await sampleEach(deps, group, async (id) =>
        encodeElement(PodSandboxStatsSchema, toPodSandboxStats(await deps.pods.sandboxStats(id), deps.clock.now())),
      );
      for (const batch of batches(encoded))
        yield encodedList(
          StreamPodSandboxStatsResponseSchema,
          StreamPodSandboxStatsResponseSchema.field.podSandboxStats,
          batch,
        );
    }
  };
}
