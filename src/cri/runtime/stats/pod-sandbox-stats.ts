import { toPodSandboxStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";

export function podSandboxStats({ pods, clock }: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"podSandboxStats"> {
  return async (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    return { stats: toPodSandboxStats(await pods.sandboxStats(request.podSandboxId), clock.now()) };
  };
}
