/**
 * Takes the client's mask off in place (RFC 6455 section 5.3), four bytes at a time where they are aligned in memory.
 *
 * @param mask its four bytes. @param phase how many bytes of the frame's payload came before.
 */
export function unmask(bytes: Uint8Array, mask: Uint8Array, phase: number): void {
  const lead = Math.min(bytes.length, (4 - (bytes.byteOffset & 3)) & 3);
  const words = (bytes.length - lead) >> 2;
  const key = [maskByte(mask, phase), maskByte(mask, phase + 1), maskByte(mask, phase + 2), maskByte(mask, phase + 3)];
  xorBytes(bytes, 0, lead, key);
  if (words > 0) {
    const pattern = new Uint32Array(Uint8Array.from([0, 1, 2, 3], (at) => maskByte(mask, phase + lead + at)).buffer);
    const word = pattern[0] ?? 0;
    const view = new Uint32Array(bytes.buffer, bytes.byteOffset + lead, words);
    for (let at = 0; at < words; at += 1) view[at] = (view[at] ?? 0) ^ word;
  }
  xorBytes(bytes, lead + words * 4, bytes.length, key);
}

function maskByte(mask: Uint8Array, at: number): number {
  return mask[at & 3] ?? 0;
}

function xorBytes(bytes: Uint8Array, from: number, to: number, key: readonly number[]): void {
  for (let at = from; at < to; at += 1) bytes[at] = (bytes[at] ?? 0) ^ (key[at & 3] ?? 0);
}
