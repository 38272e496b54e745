/** Entries a streamed list message carries: well under the 4 MiB that gRPC clients accept by default. */
const batchSize = 500;

/** Cuts a list for the Stream* RPCs; an empty list gives no message at all. */
export function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += batchSize) yield items.slice(start, start + batchSize);
}
