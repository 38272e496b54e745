import type { Random } from "../harness/random.ts";

const interestingBytes = [0, 1, 2, 8, 16, 32, 64, 127, 128, 192, 254, 255] as const;
const interestingWords = [
  0, 1, 255, 256, 0x7fff, 0xffff, 0x10000, 0xffffff, 0x7fffffff, 0x80000000, 0xffffffff,
] as const;

/** Changes inputs at random, reproducibly. */
export class Mutator {
  readonly #random: Random;
  readonly #tokens: readonly Uint8Array[];
  readonly #maxBytes: number;

  constructor(random: Random, tokens: readonly Uint8Array[], maxBytes: number) {
    this.#random = random;
    this.#tokens = tokens;
    this.#maxBytes = maxBytes;
  }

  /** A few changes at once; `other` is an input that pieces may be taken of. */
  mutate(input: Uint8Array, other: Uint8Array): Uint8Array {
    let bytes: Uint8Array = Buffer.from(input);
    for (let changes = 1 << this.#below(4); changes > 0; changes--) bytes = this.#change(bytes, other);
    return new Uint8Array(bytes.subarray(0, this.#maxBytes));
  }

  #change(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const at = this.#below(bytes.length + 1);
    const count = 1 + this.#below(this.#below(4) === 0 ? 256 : 8);
    const removed = Math.min(count, bytes.length - at);
    switch (this.#below(10)) {
      case 0:
        return replace(bytes, at, removed, new Uint8Array(0));
      case 1:
        return replace(bytes, at, 0, bytes.subarray(at, at + count));
      case 2:
        return replace(bytes, at, 0, this.#noise(count));
      case 3:
        return replace(bytes, at, removed, this.#noise(removed));
      case 4:
        return this.#replaceByTake(bytes, at, other);
      case 5:
        return this.#tokens.length === 0 ? bytes : this.#placeToken(bytes, at);
      case 6:
        return replace(bytes, at, Math.min(4, bytes.length - at), word(interestingWords[this.#below(11)] ?? 0));
      case 7:
        return replace(bytes, at, Math.min(1, removed), Uint8Array.of(interestingBytes[this.#below(12)] ?? 0));
      case 8:
        return replace(bytes, at, Math.min(1, removed), Uint8Array.of((bytes[at] ?? 0) + this.#below(9) - 4));
      default:
        return replace(bytes, at, Math.min(1, removed), Uint8Array.of((bytes[at] ?? 0) ^ (1 << this.#below(8))));
    }
  }

  #replaceByTake(bytes: Uint8Array, at: number, other: Uint8Array): Uint8Array {
    const from = this.#below(other.length + 1);
    const piece = other.subarray(from, from + 1 + this.#below(other.length - from + 1));
    const over = this.#below(2) === 0 ? 0 : Math.min(piece.length, bytes.length - at);
    return replace(bytes, at, over, piece);
  }

  #placeToken(bytes: Uint8Array, at: number): Uint8Array {
    const token = this.#tokens[this.#below(this.#tokens.length)] ?? new Uint8Array(0);
    return replace(bytes, at, this.#below(2) === 0 ? 0 : Math.min(token.length, bytes.length - at), token);
  }

  #noise(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#below(256));
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}

function replace(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
