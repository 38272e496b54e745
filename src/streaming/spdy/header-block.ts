import { CribError, invalidArgument } from "../../errors/crib-error.ts";

/**
 * Reads a decompressed header block: a count, then name and value, each with its length before it; all numbers are 32 bits.
 *
 * Of a header with several values (they are joined by NUL) the first is kept, as `http.Header.Get` does in the servers that
 * clients know.
 *
 * @throws invalid-argument when a length is wrong, or a name is empty, repeated or not lower case (draft section 2.6.10)
 */
export function parseHeaderBlock(block: Uint8Array, maxHeaders: number): Map<string, string> {
  const reader = new FieldReader(block);
  const count = reader.number();
  if (count > maxHeaders) throw invalidArgument(`${count} headers, at most ${maxHeaders} are allowed`);
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = reader.text();
    const value = reader.text();
    if (name === "" || name !== name.toLowerCase()) throw invalidArgument("a header name is empty or not lower case");
    if (headers.has(name)) throw invalidArgument("a header occurs twice");
    const end = value.indexOf("\0");
    headers.set(name, end === -1 ? value : value.slice(0, end));
  }
  reader.finish();
  return headers;
}

/** The same, `undefined` for a wrong one: a block that could be decompressed is its stream's fault alone. */
export function parseHeaderBlockIfSound(plain: Uint8Array, maxHeaders: number): Map<string, string> | undefined {
  try {
    return parseHeaderBlock(plain, maxHeaders);
  } catch (error) {
    if (CribError.is(error)) return undefined;
    throw error;
  }
}

/** The counterpart of {@link parseHeaderBlock}. Names are put in lower case. */
export function encodeHeaderBlock(headers: Iterable<readonly [string, string]>): Uint8Array {
  const encoder = new TextEncoder();
  const fields = [...headers].map(
    ([name, value]) => [encoder.encode(name.toLowerCase()), encoder.encode(value)] as const,
  );
  const length = fields.reduce((sum, [name, value]) => sum + 8 + name.length + value.length, 4);
  const block = new Uint8Array(length);
  const view = new DataView(block.buffer);
  view.setUint32(0, fields.length);
  let at = 4;
  for (const field of fields.flat()) {
    view.setUint32(at, field.length);
    block.set(field, at + 4);
    at += 4 + field.length;
  }
  return block;
}

class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  number(): number {
    if (this.#bytes.length - this.#at < 4) throw invalidArgument("a header block ends within a number");
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  text(): string {
    const length = this.number();
    if (length > this.#bytes.length - this.#at) throw invalidArgument("a header is longer than its block");
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return text;
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw invalidArgument("a header block has bytes behind its headers");
  }
}
