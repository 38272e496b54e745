import { invalidArgument } from "../../../errors/crib-error.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { parseResourceLimits } from "../../spec/resource-limits.ts";
import { checkId } from "../../validate/fields.ts";

/** New limits for a container, running or not; either all of them hold afterwards or none. */
export function updateContainerResources({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"updateContainerResources"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    if (request.linux === undefined) throw invalidArgument("linux is required: there is nothing to update");
    const limits = parseResourceLimits(request.linux, "linux");
    await pods.updateResources(request.containerId, limits);
    return {};
  };
}
