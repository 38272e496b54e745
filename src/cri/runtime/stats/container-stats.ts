import { toContainerStats } from "../../convert/stats.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";

export function containerStats({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"containerStats"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    return { stats: toContainerStats(await pods.containerStats(request.containerId)) };
  };
}
