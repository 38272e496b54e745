/** What one job ended with. */
export interface JobReply {
  readonly id: number;
  /** Not negative, or -errno. */
  readonly result: number;
  readonly bytes: Uint8Array;
}

/** `struct job_reply_head` of ffi/libcrib/jobs.h. */
const headBytes = 12;

/** Cuts the stream of replies into its parts, however they arrive. */
export class ReplyFrames {
  #held: Uint8Array = new Uint8Array(0);

  /** `chunk` may be reused when this returns. */
  push(chunk: Uint8Array): readonly JobReply[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const replies: JobReply[] = [];
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + view.getUint32(at + 8, true);
      if (bytes.length < end) break;
      const [id, result] = [view.getUint32(at, true), view.getInt32(at + 4, true)];
      replies.push({ id, result, bytes: copyOf(bytes, at + headBytes, end) });
      at = end;
    }
    this.#held = copyOf(bytes, at, bytes.length);
    return replies;
  }
}

/** `slice` of a Buffer is none: it shares its memory. */
function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
}
