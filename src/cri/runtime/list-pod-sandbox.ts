import { matchesSandbox } from "../convert/matches.ts";
import { toPodSandbox } from "../convert/sandbox.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

export function listPodSandbox({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"listPodSandbox"> {
  return ({ filter }) => ({
    items: pods
      .sandboxes()
      .filter((record) => matchesSandbox(record, filter))
      .map(toPodSandbox),
  });
}
