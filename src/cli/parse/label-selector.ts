import { invalidArgument } from "../../errors/crib-error.ts";

/** `--label key=value`, repeated, into the CRI's exact-match selector. @throws {CribError} invalid-argument. */
export function parseLabels(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map(parseLabel));
}

function parseLabel(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) throw invalidArgument(`label ${JSON.stringify(text)} is not key=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}
