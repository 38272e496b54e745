import { CribError } from "../../../errors/crib-error.ts";

const decoder = new TextDecoder();

/** Reads what the monitor wrote, bounds checked. @throws {CribError} data-loss when bytes are missing or left over. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  string(): string {
    const text = decoder.decode(this.bytes());
    this.#take(1);
    return text;
  }

  /** Closes a message: a newer monitor's longer one is not silently half understood. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed(`${this.#bytes.length - this.#at} bytes too many`);
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) throw malformed(`${at + size - this.#bytes.length} bytes too few`);
    this.#at = at + size;
    return at;
  }
}

function malformed(detail: string): CribError {
  return new CribError("data-loss", `malformed message from a pod's monitor: ${detail}`);
}
