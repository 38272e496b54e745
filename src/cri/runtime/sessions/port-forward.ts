import { failedPrecondition } from "../../../errors/crib-error.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId, checkPort } from "../../validate/fields.ts";

/** Answers with the URL through which ports inside the pod can be connected to. */
export function portForward({ pods, streaming }: Pick<CriDeps, "pods" | "streaming">): RuntimeRpc<"portForward"> {
  return (request) => {
    checkId(request.podSandboxId, "pod_sandbox_id");
    for (const [at, port] of request.port.entries()) checkPort(port, `port[${at}]`, 1);
    const { id, state } = pods.sandbox(request.podSandboxId);
    if (state !== "ready") throw failedPrecondition(`sandbox ${id} is ${state}: its ports cannot be connected to`);
    return { url: streaming.urlFor({ kind: "portforward", sandboxId: id, ports: request.port }) };
  };
}
