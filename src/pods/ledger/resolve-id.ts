import { invalidArgument, notFound } from "../../errors/crib-error.ts";
import type { RecordReader } from "./ledger.ts";

/** Shorter prefixes are more likely a mistake than a wish. */
const minimumPrefix = 4;

/**
 * The record whose id is `text` or starts with it.
 * @returns undefined when there is none. @throws {CribError} invalid-argument when several match.
 */
export function findRecord<Id extends string, Stored extends object>(
  kind: string,
  store: RecordReader<Id, Stored>,
  text: string,
): Stored | undefined {
  const exact = store.get(text as Id);
  if (exact !== undefined || text.length < minimumPrefix) return exact;
  const [first, second] = store.withPrefix(text, 2);
  if (second !== undefined) throw invalidArgument(`${kind} id ${JSON.stringify(text)} is ambiguous: give more digits`);
  return first === undefined ? undefined : store.get(first);
}

/** @throws {CribError} not-found, invalid-argument when ambiguous. */
export function getRecord<Id extends string, Stored extends object>(
  kind: string,
  store: RecordReader<Id, Stored>,
  text: string,
): Stored {
  const found = findRecord(kind, store, text);
  if (found === undefined) throw notFound(kind, text.slice(0, 80));
  return found;
}
