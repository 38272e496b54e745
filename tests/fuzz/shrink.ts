/** Removes what is not needed for `fails` to stay true, piece by piece, until the time is over. */
export function shrink(input: Uint8Array, fails: (input: Uint8Array) => boolean, limitMs: number): Uint8Array {
  const until = performance.now() + limitMs;
  let best = input;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && performance.now() < until; ) {
      const shorter = new Uint8Array(Buffer.concat([best.subarray(0, at), best.subarray(at + size)]));
      if (fails(shorter)) best = shorter;
      else at += size;
    }
  }
  return best;
}
