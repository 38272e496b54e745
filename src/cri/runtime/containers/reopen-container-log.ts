import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";

/** The kubelet renamed the log file: write to a new one of the old name. @throws {CribError} failed-precondition unless it runs */
export function reopenContainerLog({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"reopenContainerLog"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    await pods.reopenLog(request.containerId);
    return {};
  };
}
