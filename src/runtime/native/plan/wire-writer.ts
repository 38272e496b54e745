import { invalidArgument } from "../../../errors/crib-error.ts";

const encoder = new TextEncoder();

/**
 * Little-endian bytes for the C side (ffi/wire/reader.h): integers, length-prefixed bytes, strings that carry a NUL
 * beyond their length so that C can use them where they lie. Grows by doubling; `written()` copies nothing.
 */
export class WireWriter {
  #buffer = new Uint8Array(512);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  // `#reserve` may replace the view, so it is called before the view is looked at.
  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Negative numbers keep their bits: an i32 is written with this too. */
  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  raw(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** @throws {CribError} invalid-argument for a NUL byte, which would end the string early in C. */
  string(value: string | Uint8Array): this {
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    if (bytes.includes(0)) throw invalidArgument(`${JSON.stringify(printable(value))} contains a NUL byte`);
    return this.bytes(bytes).u8(0);
  }

  strings(values: readonly (string | Uint8Array)[]): this {
    this.u32(values.length);
    for (const value of values) this.string(value);
    return this;
  }

  /** A u32 to be filled in later by `patchU32`; returns where it is. */
  placeU32(): number {
    return this.#reserve(4);
  }

  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, valid until the next write. */
  written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Called before `#view` is looked at: growing makes a new one. */
  #reserve(size: number): number {
    const at = this.#length;
    if (at + size > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#buffer.length * 2, at + size));
      grown.set(this.written());
      this.#buffer = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = at + size;
    return at;
  }
}

function printable(value: string | Uint8Array): string {
  return typeof value === "string" ? value.slice(0, 80) : new TextDecoder().decode(value.subarray(0, 80));
}
