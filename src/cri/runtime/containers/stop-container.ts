import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId, checkTimeout } from "../../validate/fields.ts";

/** The stop signal, `timeout` seconds of grace, then SIGKILL. Absent or stopped is success. */
export function stopContainer({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"stopContainer"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    checkTimeout(request.timeout, "timeout");
    await pods.stopContainer(request.containerId, request.timeout);
    return {};
  };
}
