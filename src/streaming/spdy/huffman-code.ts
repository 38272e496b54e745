import { invalidArgument } from "../../errors/crib-error.ts";

const MAX_CODE_BITS = 15;

/**
 * A canonical Huffman code of DEFLATE (RFC 1951, section 3.2.2), decoded bit by bit.
 *
 * There is no lookup table on purpose: a block of a few bytes may define a code, and filling a table for each would be
 * work out of proportion to what was sent.
 */
export class HuffmanCode {
  /** How many symbols have a code of this many bits. */
  readonly #counts = new Uint16Array(MAX_CODE_BITS + 1);
  /** All symbols, by length of code and then by value. */
  readonly #symbols: Uint16Array;

  /** @param lengths bits of each symbol's code, 0 for a symbol that does not occur @throws invalid-argument when over-subscribed */
  constructor(lengths: Uint8Array) {
    for (const length of lengths) if (length > 0) this.#counts[length] = this.#count(length) + 1;
    const offsets = new Uint16Array(MAX_CODE_BITS + 2);
    let free = 1;
    for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
      free = free * 2 - this.#count(bits);
      if (free < 0) throw invalidArgument("compressed headers: more codes than bits to tell them apart");
      offsets[bits + 1] = (offsets[bits] ?? 0) + this.#count(bits);
    }
    this.#symbols = new Uint16Array(offsets[MAX_CODE_BITS + 1] ?? 0);
    for (const [symbol, length] of lengths.entries()) {
      if (length === 0) continue;
      const place = offsets[length] ?? 0;
      this.#symbols[place] = symbol;
      offsets[length] = place + 1;
    }
  }

  /** @throws invalid-argument for bits that are no code, and whatever `readBit` throws at the end of input */
  decode(readBit: () => number): number {
    let code = 0;
    let firstCode = 0;
    let firstPlace = 0;
    for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
      code = code * 2 + readBit();
      const count = this.#count(bits);
      if (code - firstCode < count) return this.#symbols[firstPlace + code - firstCode] ?? 0;
      firstPlace += count;
      firstCode = (firstCode + count) * 2;
    }
    throw invalidArgument("compressed headers: bits that are no code");
  }

  #count(bits: number): number {
    return this.#counts[bits] ?? 0;
  }
}
