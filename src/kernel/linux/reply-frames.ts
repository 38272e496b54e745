import { PieceSplitter } from "../../framing/piece-splitter.ts";

/** What one job ended with. */
export interface JobReply {
  readonly id: number;
  /** Not negative, or -errno. */
  readonly result: number;
  readonly bytes: Uint8Array;
}

/** `struct job_reply_head` of ffi/libcrib/job.h. */
const headBytes = 12;

/** Cuts the stream of replies into its parts, however they arrive. */
export class ReplyFrames {
  readonly #pieces = new PieceSplitter(headBytes, (head) => headBytes + head.getUint32(8, true));

  /** `chunk` may be reused when this returns: the bytes of a reply are copies. */
  push(chunk: Uint8Array): readonly JobReply[] {
    return [...this.#pieces.push(chunk)].map((piece) => ({
      id: piece.readUInt32LE(0),
      result: piece.readInt32LE(4),
      bytes: new Uint8Array(piece.subarray(headBytes)),
    }));
  }
}
