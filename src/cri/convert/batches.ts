import type { EncodedElement } from "./encoded.ts";

/** Bytes of a streamed list message: under the 4 MiB that gRPC clients accept by default, and little to hold at once. */
const batchBytes = 512 << 10;

/** Cuts a list for the Stream* RPCs. An element larger than a batch travels alone; an empty list gives no message at all. */
export function* batches(elements: Iterable<EncodedElement>): Generator<readonly EncodedElement[]> {
  let batch: EncodedElement[] = [];
  let bytes = 0;
  for (const element of elements) {
    if (batch.length > 0 && bytes + element.length > batchBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(element);
    bytes += element.length;
  }
  if (batch.length > 0) yield batch;
}
