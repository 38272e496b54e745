import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";

/** Kills it if it runs, then forgets it with its writable layer. Its log stays: the kubelet owns it. Absent is success. */
export function removeContainer({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"removeContainer"> {
  return async (request) => {
    checkId(request.containerId, "container_id");
    await pods.removeContainer(request.containerId);
    return {};
  };
}
