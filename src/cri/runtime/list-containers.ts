import { toContainer } from "../convert/container.ts";
import { matchesContainer } from "../convert/matches.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

export function listContainers({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"listContainers"> {
  return ({ filter }) => ({
    containers: pods
      .containers()
      .filter((record) => matchesContainer(record, filter))
      .map(toContainer),
  });
}
