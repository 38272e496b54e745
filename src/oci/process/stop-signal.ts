import { invalidArgument } from "../../errors/crib-error.ts";
import { parseSignal, SIGTERM } from "../../kernel/signals.ts";

/**
 * The signal that asks a container to stop: the request's, else the image's StopSignal, else SIGTERM.
 *
 * @throws {CribError} invalid-argument for a name of the image's that does not exist.
 */
export function stopSignalNumber(requested: number | undefined, imageStopSignal: string): number {
  if (requested !== undefined) return requested;
  if (imageStopSignal === "") return SIGTERM;
  const number = parseSignal(imageStopSignal);
  if (number === undefined)
    throw invalidArgument(`image's stop signal ${JSON.stringify(imageStopSignal.slice(0, 40))} does not exist`);
  return number;
}
