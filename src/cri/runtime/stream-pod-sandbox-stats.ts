import { batches } from "../convert/batches.ts";
import { toPodSandboxStats } from "../convert/stats.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { sampleSandboxes } from "../sample-stats.ts";

/** ListPodSandboxStats without a limit on the reply's size (KEP-5825). */
export function streamPodSandboxStats({
  pods,
  clock,
}: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"streamPodSandboxStats"> {
  return async function* ({ filter }) {
    for (const batch of batches(await sampleSandboxes(pods, filter))) {
      yield { podSandboxStats: batch.map((sample) => toPodSandboxStats(sample, clock.now())) };
    }
  };
}
