import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";

/** For `crib config reload`: what has changed, and what became of it. */
export function reloadConfig({ reload }: Pick<CriDeps, "reload">): EngineRpc<"reloadConfig"> {
  return async () => ({ settings: [...(await reload())] });
}
