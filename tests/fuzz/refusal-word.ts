import { CribError } from "../../src/errors/crib-error.ts";
import { ErrnoError } from "../../src/errors/errno-error.ts";

const MAX_LENGTH = 100;

/**
 * An error of ours without the values it names: one word for each reason.
 *
 * @throws what is no refusal: it would reach a client as an internal error, that is, as one that nobody has thought of.
 */
export function refusalWord(error: unknown): string {
  const isRefusal = (CribError.is(error) && error.code !== "internal") || error instanceof ErrnoError;
  if (!isRefusal) throw error;
  return error.message
    .replaceAll(/"(?:[^"\\]|\\.)*"|'.*'/gs, "…")
    .replace(/(JSON Parse error|Unrecognized key|\n).*/s, "$1")
    .replaceAll(/\(.*\)/gs, "()")
    .replaceAll(/\d+/g, "n")
    .slice(0, MAX_LENGTH);
}
