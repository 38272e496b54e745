import { internal } from "../../errors/crib-error.ts";

const headBytes = 4;
/** The names of implied directories are the most there can be of anything, and they are bounded by a layer's limits. */
const maxFrameBytes = 256 * 1024 * 1024;

/** Cuts the bytes of `crib-layer` into frames: a kind and its payload each, behind their length. */
export class FrameSplitter {
  #held = Buffer.alloc(0);
  #missing = headBytes;

  /** @throws {CribError} internal for a length that no frame has. */
  push(chunk: Uint8Array): Buffer[] {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    const frames: Buffer[] = [];
    while (this.#held.length >= this.#missing) {
      const length = this.#held.readUInt32LE(0);
      if (length === 0 || length > maxFrameBytes) throw internal(`crib-layer sent a reply of ${length} bytes`);
      this.#missing = headBytes + length;
      if (this.#held.length < this.#missing) break;
      frames.push(this.#held.subarray(headBytes, this.#missing));
      this.#held = this.#held.subarray(this.#missing);
      this.#missing = headBytes;
    }
    return frames;
  }
}
