import type { Log } from "../../observe/log.ts";
import type { EncodedElement } from "./encoded.ts";

/** Encodes record by record: one that cannot be told is left out and logged, the others are an answer. */
export function* encodeEach<Kept extends { readonly id: string }>(
  log: Log,
  records: Iterable<Kept>,
  encode: (record: Kept) => EncodedElement,
): Generator<EncodedElement> {
  for (const record of records) {
    let element: EncodedElement;
    try {
      element = encode(record);
    } catch (error) {
      log.error({ id: record.id, err: error }, "left out of a list");
      continue;
    }
    yield element;
  }
}
