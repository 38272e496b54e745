import { toPodSandboxStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { readySandboxes, sampleEach } from "../../sample-stats.ts";

export function listPodSandboxStats(deps: Pick<CriDeps, "pods" | "clock" | "log">): RuntimeRpc<"listPodSandboxStats"> {
  return async ({ filter }) => ({
    stats: [
      ...(await sampleEach(
        deps,
        readySandboxes(deps, filter),
        (id, patience) => deps.pods.sandboxStats(id, patience),
        (sample) => toPodSandboxStats(sample, deps.clock.now()),
      )),
    ],
  });
}
