import type { Leftover } from "../../images/port.ts";
import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";

/** What failed pulls left on the disk, for `crib images --all`. */
export function listLeftovers({ images }: Pick<CriDeps, "images">): EngineRpc<"listLeftovers"> {
  return async () => ({ leftovers: (await images.leftovers()).map(toMessage) });
}

/** Frees it, for `crib rmi --unused`. */
export function removeLeftovers({ images }: Pick<CriDeps, "images">): EngineRpc<"removeLeftovers"> {
  return async () => ({ removed: (await images.removeLeftovers()).map(toMessage) });
}

function toMessage({ kind, digest, bytes, changedAtNs }: Leftover) {
  return { kind, digest, bytes: BigInt(bytes), changedAtNs };
}
