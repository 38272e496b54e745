import { invalidArgument } from "../../errors/crib-error.ts";
import { HEADER_DICTIONARY_ID, headerDictionary } from "./header-dictionary.ts";
import { HuffmanCode } from "./huffman-code.ts";

const WINDOW_BYTES = 32 * 1024;
const END_OF_BLOCK = 256;

/** Base and extra bits of the length symbols 257… and of the distance symbols (RFC 1951, section 3.2.5). */
const lengthBases = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
] as const;
const lengthExtraBits = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
] as const;
const distanceExtraBits = Array.from({ length: 30 }, (_, symbol) => Math.max(0, (symbol >> 1) - 1));
const distanceBases = distanceExtraBits.map((bits, symbol) => (symbol < 2 ? symbol : 2 + (symbol & 1)) * 2 ** bits + 1);
/** In which order a dynamic block lists the lengths of the code for lengths (section 3.2.7). */
const lengthCodeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] as const;

const fixedLiterals = new HuffmanCode(
  Uint8Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)),
);
const fixedDistances = new HuffmanCode(new Uint8Array(30).fill(5));

/**
 * The receiving end of a connection's header compression: one zlib stream (RFC 1950, 1951) that every header block is a
 * piece of, each ended by a sync flush.
 *
 * Our own, because node:zlib cannot do this: its one-shot calls keep no state between blocks, and its streams answer later,
 * while the frames behind the headers wait to be read. This one answers at once, never makes more than the bytes
 * allowed, and holds nothing outside of the heap.
 */
export class HeaderInflater {
  readonly #maxBytes: number;
  #history: Uint8Array | undefined;
  #end = 0;
  #limit = 0;
  #input: Uint8Array = new Uint8Array(0);
  #position = 0;
  #bits = 0;
  #bitCount = 0;
  readonly #readBit = (): number => this.#read(1);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The plain bytes of the next block; they are valid until the next call.
   *
   * @throws invalid-argument when they are not zlib, not ended by a sync flush, or too many. The stream is then lost.
   */
  inflate(block: Uint8Array): Uint8Array {
    this.#input = block;
    this.#position = 0;
    let history = this.#history;
    if (history === undefined) {
      this.#readStreamHeader();
      history = this.#history = new Uint8Array(WINDOW_BYTES + this.#maxBytes);
      const dictionary = headerDictionary();
      history.set(dictionary);
      this.#end = dictionary.length;
    } else if (this.#end > WINDOW_BYTES) {
      history.copyWithin(0, this.#end - WINDOW_BYTES, this.#end);
      this.#end = WINDOW_BYTES;
    }
    const start = this.#end;
    this.#limit = start + this.#maxBytes;
    while (this.#position < block.length || this.#bitCount > 0) this.#inflateBlock(history);
    return history.subarray(start, this.#end);
  }

  #readStreamHeader(): void {
    const [method = 0, flags = 0, a = 0, b = 0, c = 0, d = 0] = this.#input;
    if ((method & 0x0f) !== 8 || method >> 4 > 7 || (method * 256 + flags) % 31 !== 0)
      throw invalidArgument("compressed headers: not a zlib stream");
    if ((flags & 0x20) === 0 || ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 !== HEADER_DICTIONARY_ID)
      throw invalidArgument("compressed headers: not made with the dictionary of SPDY/3");
    this.#position = 6;
  }

  #inflateBlock(history: Uint8Array): void {
    if (this.#read(1) === 1) throw invalidArgument("compressed headers: the stream ends, more headers may follow");
    const kind = this.#read(2);
    if (kind === 0) this.#copyStored(history);
    else if (kind === 1) this.#inflateCodes(history, fixedLiterals, fixedDistances);
    else if (kind === 2) this.#inflateDynamic(history);
    else throw invalidArgument("compressed headers: a block of unknown kind");
  }

  #copyStored(history: Uint8Array): void {
    this.#bits = 0;
    this.#bitCount = 0;
    const length = this.#read(16);
    if ((length ^ 0xffff) !== this.#read(16))
      throw invalidArgument("compressed headers: a stored block of doubtful length");
    if (length > this.#input.length - this.#position) throw truncated();
    if (length > this.#limit - this.#end) throw this.#tooLong();
    history.set(this.#input.subarray(this.#position, this.#position + length), this.#end);
    this.#position += length;
    this.#end += length;
  }

  #inflateDynamic(history: Uint8Array): void {
    const literals = this.#read(5) + 257;
    const distances = this.#read(5) + 1;
    const listed = this.#read(4) + 4;
    if (literals > 286 || distances > 30) throw invalidArgument("compressed headers: symbols that do not exist");
    const lengthLengths = new Uint8Array(19);
    for (const symbol of lengthCodeOrder.slice(0, listed)) lengthLengths[symbol] = this.#read(3);
    const lengths = this.#readLengths(new HuffmanCode(lengthLengths), literals + distances);
    this.#inflateCodes(
      history,
      new HuffmanCode(lengths.subarray(0, literals)),
      new HuffmanCode(lengths.subarray(literals)),
    );
  }

  #readLengths(code: HuffmanCode, count: number): Uint8Array {
    const lengths = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      const symbol = code.decode(this.#readBit);
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      // The count first, as zlib does: a stream that ends before it is cut short, not wrong.
      const repeat = symbol === 16 ? 3 + this.#read(2) : symbol === 17 ? 3 + this.#read(3) : 11 + this.#read(7);
      if (symbol === 16 && at === 0) throw invalidArgument("compressed headers: nothing before it to repeat");
      const value = symbol === 16 ? (lengths[at - 1] ?? 0) : 0;
      if (repeat > count - at) throw invalidArgument("compressed headers: more code lengths than symbols");
      lengths.fill(value, at, at + repeat);
      at += repeat;
    }
    return lengths;
  }

  #inflateCodes(history: Uint8Array, literals: HuffmanCode, distances: HuffmanCode): void {
    for (;;) {
      const symbol = literals.decode(this.#readBit);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) {
        if (this.#end === this.#limit) throw this.#tooLong();
        history[this.#end++] = symbol;
        continue;
      }
      const length = this.#readExtended(symbol - 257, lengthBases, lengthExtraBits);
      const distance = this.#readExtended(distances.decode(this.#readBit), distanceBases, distanceExtraBits);
      if (distance > this.#end) throw invalidArgument("compressed headers: a reference to before the beginning");
      if (length > this.#limit - this.#end) throw this.#tooLong();
      // Byte by byte: source and target may overlap, which is how DEFLATE repeats.
      for (let left = length; left > 0; left--, this.#end++) history[this.#end] = history[this.#end - distance] ?? 0;
    }
  }

  #readExtended(index: number, bases: readonly number[], extraBits: readonly number[]): number {
    const base = bases[index];
    if (base === undefined) throw invalidArgument("compressed headers: symbols that do not exist");
    return base + this.#read(extraBits[index] ?? 0);
  }

  /** Up to 16 bits, the lowest first. */
  #read(count: number): number {
    while (this.#bitCount < count) {
      const byte = this.#input[this.#position];
      if (byte === undefined) throw truncated();
      this.#position++;
      this.#bits |= byte << this.#bitCount;
      this.#bitCount += 8;
    }
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    return value;
  }

  #tooLong(): Error {
    return invalidArgument(`headers are longer than ${this.#maxBytes} bytes`);
  }
}

function truncated(): Error {
  return invalidArgument("compressed headers: they end within a block");
}
