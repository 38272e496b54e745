import { ListPodSandboxResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { encodeEach } from "../../convert/encode-each.ts";
import { encodedList } from "../../convert/encoded.ts";
import { matchesSandbox } from "../../convert/matches.ts";
import { encodedPodSandbox } from "../../convert/sandbox.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";

export function listPodSandbox({ pods, log }: Pick<CriDeps, "pods" | "log">): RuntimeRpc<"listPodSandbox"> {
  return ({ filter }) => {
    const matching = pods.sandboxes().filter((record) => matchesSandbox(record, filter));
    return encodedList(ListPodSandboxResponseSchema, ListPodSandboxResponseSchema.field.items, [
      ...encodeEach(log, matching, encodedPodSandbox),
    ]);
  };
}
