import { CribError } from "../errors/crib-error.ts";

/** The archive's bytes are damaged or not what its digest promised; fetching it again may help. */
export function damagedLayer(message: string, cause?: unknown): CribError {
  return new CribError("data-loss", `layer archive is damaged: ${message}`, { cause });
}

/** The archive is well-formed and asks for something crib does not do, on purpose. */
export function refusedLayer(message: string): CribError {
  return new CribError("failed-precondition", `layer archive is refused: ${message}`);
}
