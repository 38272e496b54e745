import { toContainerStats } from "../convert/stats.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { sampleContainers } from "../sample-stats.ts";

export function listContainerStats({ pods }: Pick<CriDeps, "pods">): RuntimeRpc<"listContainerStats"> {
  return async ({ filter }) => ({ stats: (await sampleContainers(pods, filter)).map(toContainerStats) });
}
