import { invalidArgument } from "../../errors/crib-error.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { checkId } from "../validate/fields.ts";
import { checkLinuxResources } from "../validate/resources.ts";

/** New limits for a container, running or not; either all of them hold afterwards or none. */
export function updateContainerResources({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"updateContainerResources"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    if (request.linux === undefined) throw invalidArgument("linux is required: there is nothing to update");
    checkLinuxResources(request.linux, "linux");
    await pods.updateResources(request.containerId, request.linux, request.annotations);
    return {};
  };
}
