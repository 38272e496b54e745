/** Records a streaming RPC samples before it sends what it has. */
export const sampledAtOnce = 64;

/** Cuts a list into pieces of `size`. */
export function* groupsOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
