import { toPodSandboxStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { samplingPatience } from "../../sample-stats.ts";
import { checkId } from "../../validate/fields.ts";

export function podSandboxStats(deps: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"podSandboxStats"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    const sample = await deps.pods.sandboxStats(request.podSandboxId, samplingPatience(deps));
    return { stats: toPodSandboxStats(sample, deps.clock.now()) };
  };
}
