import { toPodSandboxStats } from "../convert/stats.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { sampleSandboxes } from "../sample-stats.ts";

export function listPodSandboxStats({
  pods,
  clock,
}: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"listPodSandboxStats"> {
  return async ({ filter }) => ({
    stats: (await sampleSandboxes(pods, filter)).map((sample) => toPodSandboxStats(sample, clock.now())),
  });
}
