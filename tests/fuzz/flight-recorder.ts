import { closeSync, ftruncateSync, openSync } from "node:fs";

/** Inputs done (32 bits) and length of the input (32 bits). */
const HEADER_BYTES = 8;

/**
 * The input that is being read, in a file mapped by the process that reads it and by the one that watches it: it outlives
 * a crash and can be looked at during a hang.
 */
export class FlightRecorder {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;

  /** @param path made if it is not there */
  constructor(path: string, maxInputBytes: number) {
    const fd = openSync(path, "a+", 0o600);
    ftruncateSync(fd, HEADER_BYTES + maxInputBytes);
    closeSync(fd);
    this.#bytes = Bun.mmap(path, { shared: true });
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  /** Before an input is read. */
  begin(input: Uint8Array): void {
    this.#view.setUint32(4, input.length);
    this.#bytes.set(input, HEADER_BYTES);
  }

  /** After it. */
  end(): void {
    this.#view.setUint32(0, this.count + 1);
  }

  get count(): number {
    return this.#view.getUint32(0);
  }

  get input(): Uint8Array {
    return this.#bytes.slice(HEADER_BYTES, HEADER_BYTES + this.#view.getUint32(4));
  }
}
