import { batches } from "../convert/batches.ts";
import { toContainer } from "../convert/container.ts";
import { matchesContainer } from "../convert/matches.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

/** ListContainers without a limit on the reply's size (KEP-5825). */
export function streamContainers({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"streamContainers"> {
  return async function* ({ filter }) {
    const matching = pods.containers().filter((record) => matchesContainer(record, filter));
    for (const batch of batches(matching)) yield { containers: batch.map(toContainer) };
  };
}
