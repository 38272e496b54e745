import { StreamContainersResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { batches } from "../../convert/batches.ts";
import { encodedContainer } from "../../convert/container.ts";
import { encodeEach } from "../../convert/encode-each.ts";
import { encodedList } from "../../convert/encoded.ts";
import { matchesContainer } from "../../convert/matches.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";

/** ListContainers without a limit on the reply's size (KEP-5825). */
export function streamContainers({ pods, log }: Pick<CriDeps, "pods" | "log">): RuntimeRpc<"streamContainers"> {
  return async function* ({ filter }) {
    const matching = pods.containers().filter((record) => matchesContainer(record, filter));
    for (const batch of batches(encodeEach(log, matching, encodedContainer)))
      yield encodedList(StreamContainersResponseSchema, StreamContainersResponseSchema.field.containers, batch);
  };
}
