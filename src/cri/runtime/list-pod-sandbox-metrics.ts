import { toPodSandboxMetrics } from "../convert/metrics.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { sampleSandboxes } from "../sample-stats.ts";

export function listPodSandboxMetrics({
  pods,
  clock,
}: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"listPodSandboxMetrics"> {
  return async () => ({
    podMetrics: (await sampleSandboxes(pods, undefined)).map((sample) => toPodSandboxMetrics(sample, clock.now())),
  });
}
