import { batches } from "../convert/batches.ts";
import { toPodSandboxMetrics } from "../convert/metrics.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { sampleSandboxes } from "../sample-stats.ts";

/** ListPodSandboxMetrics without a limit on the reply's size (KEP-5825). */
export function streamPodSandboxMetrics({
  pods,
  clock,
}: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"streamPodSandboxMetrics"> {
  return async function* () {
    for (const batch of batches(await sampleSandboxes(pods, undefined))) {
      yield { podSandboxMetrics: batch.map((sample) => toPodSandboxMetrics(sample, clock.now())) };
    }
  };
}
