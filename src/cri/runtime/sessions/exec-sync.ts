import { invalidArgument } from "../../../errors/crib-error.ts";
import { toExecSyncResponse } from "../../convert/exec-result.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId, checkTimeout } from "../../validate/fields.ts";

/** Runs a command in a container and answers with all it wrote: probes and lifecycle hooks. `timeout` 0 is none. */
export function execSync({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"execSync"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    checkTimeout(request.timeout, "timeout");
    if (request.cmd.length === 0 || request.cmd[0] === "") throw invalidArgument("cmd is required");
    const result = await pods.execSync({
      containerId: request.containerId,
      command: request.cmd,
      timeoutSeconds: request.timeout,
    });
    return toExecSyncResponse(result);
  };
}
