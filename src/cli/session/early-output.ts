/**
 * `live` without the bytes at its beginning that `logged` already ends with.
 *
 * A container writes from its first instruction on, and can only be attached to after it has started: what came before is in its
 * log, and what came between the attachment and the reading of the log is in both.
 */
export function withoutOverlap(logged: Uint8Array, live: Uint8Array): Uint8Array {
  for (let length = Math.min(logged.length, live.length); length > 0; length--) {
    if (Buffer.compare(logged.subarray(logged.length - length), live.subarray(0, length)) === 0)
      return live.subarray(length);
  }
  return live;
}
