import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";

/** Answers once the workload's execve succeeded, or with what kept it from. */
export function startContainer({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"startContainer"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    await pods.startContainer(request.containerId);
    return {};
  };
}
