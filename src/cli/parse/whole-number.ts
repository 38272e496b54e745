import { invalidArgument } from "../../errors/crib-error.ts";

/** Strict decimal within bounds: no sign, no leading zero, no spaces. @throws {CribError} invalid-argument. */
export function parseWholeNumber(text: string, what: string, minimum: number, maximum: number): number {
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum)) {
    throw invalidArgument(`${what} ${JSON.stringify(text)} is not a number from ${minimum} to ${maximum}`);
  }
  return value;
}
