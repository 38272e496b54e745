import { failedPrecondition, invalidArgument } from "../../../errors/crib-error.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { checkId } from "../../validate/fields.ts";
import { checkStreamFlags } from "../../validate/stream-flags.ts";

/** Answers with the URL where the command can be started and talked to. */
export function exec({ pods, streaming }: Pick<CriDeps, "pods" | "streaming">): RuntimeRpc<"exec"> {
  return (request) => {
    checkId(request.containerId, "container_id");
    checkStreamFlags(request);
    if (request.cmd.length === 0 || request.cmd[0] === "") throw invalidArgument("cmd is required");
    const { id, state } = pods.container(request.containerId);
    if (state !== "running") throw failedPrecondition(`container ${id} is ${state}: only a running container can exec`);
    const { cmd: command, tty: terminal, stdin, stdout, stderr } = request;
    return { url: streaming.urlFor({ kind: "exec", containerId: id, command, terminal, stdin, stdout, stderr }) };
  };
}
