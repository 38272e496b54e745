import { ListContainersResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { encodedContainer } from "../../convert/container.ts";
import { encodeEach } from "../../convert/encode-each.ts";
import { encodedList } from "../../convert/encoded.ts";
import { matchesContainer } from "../../convert/matches.ts";
import type { CriDeps } from "../../deps.ts";
import type { RuntimeRpc } from "../../handler.ts";

export function listContainers({ pods, log }: Pick<CriDeps, "pods" | "log">): RuntimeRpc<"listContainers"> {
  return ({ filter }) => {
    const matching = pods.containers().filter((record) => matchesContainer(record, filter));
    return encodedList(ListContainersResponseSchema, ListContainersResponseSchema.field.containers, [
      ...encodeEach(log, matching, encodedContainer),
    ]);
  };
}
