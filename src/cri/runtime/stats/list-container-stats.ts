import { toContainerStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { runningContainers, sampleEach } from "../../sample-stats.ts";

export function listContainerStats(deps: Pick<CriDeps, "pods" | "clock" | "log">): RuntimeRpc<"listContainerStats"> {
  return async ({ filter }) => ({
    stats: [
      ...(await sampleEach(
        deps,
        runningContainers(deps, filter),
        (id, patience) => deps.pods.containerStats(id, patience),
        toContainerStats,
      )),
    ],
  });
}
