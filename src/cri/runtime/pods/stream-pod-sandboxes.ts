import { StreamPodSandboxesResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { batches } from "../../convert/batches.ts";
import { encodeEach } from "../../convert/encode-each.ts";
import { encodedList } from "../../convert/encoded.ts";
import { matchesSandbox } from "../../convert/matches.ts";
import { encodedPodSandbox } from "../../convert/sandbox.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";

/** ListPodSandbox without a limit on the reply's size (KEP-5825). */
export function streamPodSandboxes({ pods, log }: Pick<CriDeps, "pods" | "log">): RuntimeRpc<"streamPodSandboxes"> {
  return async function* ({ filter }) {
    const matching = pods.sandboxes().filter((record) => matchesSandbox(record, filter));
    for (const batch of batches(encodeEach(log, matching, encodedPodSandbox)))
      yield encodedList(StreamPodSandboxesResponseSchema, StreamPodSandboxesResponseSchema.field.podSandboxes, batch);
  };
}
