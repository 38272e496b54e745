import { toContainerStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { samplingPatience } from "../../sample-stats.ts";
import { checkId } from "../../validate/fields.ts";

export function containerStats(deps: Pick<CriDeps, "pods" | "clock">): RuntimeRpc<"containerStats"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    return { stats: toContainerStats(await deps.pods.containerStats(request.containerId, samplingPatience(deps))) };
  };
}
