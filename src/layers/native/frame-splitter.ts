import { internal } from "../../errors/crib-error.ts";
import { PieceSplitter } from "../../framing/piece-splitter.ts";

const headBytes = 4;
/** The names of implied directories are the most there can be of anything, and they are bounded by a layer's limits. */
const maxFrameBytes = 256 * 1024 * 1024;

/** Cuts the bytes of `crib-layer` into frames: a kind and its payload each, behind their length. */
export class FrameSplitter {
  readonly #pieces = new PieceSplitter(headBytes, (head) => {
    const length = head.getUint32(0, true);
    if (length === 0 || length > maxFrameBytes) throw internal(`crib-layer sent a reply of ${length} bytes`);
    return headBytes + length;
  });

  /** The frames that are whole, copied. @throws {CribError} internal for a length that no frame has. */
  push(chunk: Uint8Array): Buffer[] {
    return [...this.#pieces.push(chunk)].map((piece) => Buffer.from(piece.subarray(headBytes)));
  }
}
