import { failedPrecondition } from "../../../errors/crib-error.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";
import { checkStreamFlags } from "../../validate/stream-flags.ts";

/** Answers with the URL where the container's own input and output can be joined. */
export function attach({ pods, streaming }: Pick<CriDeps, "pods" | "streaming">): RuntimeRpc<"attach"> {
  return (request) => {
    checkId(request.containerId, "container_id");
    checkStreamFlags(request);
    const { id, state, config } = pods.container(request.containerId);
    if (state !== "running") {
      throw failedPrecondition(`container ${id} is ${state}: only a running container can be attached to`);
    }
    const { tty: terminal, stdin, stdout, stderr } = request;
    const endsWithInput = stdin && config.stdin && !config.stdinOnce;
    return {
      url: streaming.urlFor({ kind: "attach", containerId: id, terminal, stdin, stdout, stderr, endsWithInput }),
    };
  };
}
