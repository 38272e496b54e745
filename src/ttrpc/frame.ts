import { dataLoss } from "../errors/crib-error.ts";

/** https://github.com/containerd/ttrpc, PROTOCOL.md: length and stream in network order, type, flags, then the message. */
export const frameHeaderBytes = 10;
/** What the reference implementation takes; a longer one is refused by either side. */
export const maxMessageBytes = 4 << 20;

export const FrameType = { request: 1, response: 2, data: 3 } as const;

/** One message of a stream. Streams a client opens are odd and grow. */
export interface Frame {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly message: Uint8Array;
}

/** The bytes of a frame; the caller has checked the message's length. */
export function encodeFrame({ streamId, type, flags, message }: Frame): Uint8Array {
  const bytes = new Uint8Array(frameHeaderBytes + message.length);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, message.length);
  header.setUint32(4, streamId);
  header.setUint8(8, type);
  header.setUint8(9, flags);
  bytes.set(message, frameHeaderBytes);
  return bytes;
}

/** Cuts a byte stream into frames. It holds at most one unfinished frame. */
export class FrameReader {
  #pending: Uint8Array = new Uint8Array(0);

  /** @throws {CribError} data-loss for a frame that is too long: what follows it cannot be found. */
  *push(chunk: Uint8Array): Generator<Frame> {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (bytes.length >= frameHeaderBytes) {
      const header = new DataView(bytes.buffer, bytes.byteOffset, frameHeaderBytes);
      const length = header.getUint32(0);
      if (length > maxMessageBytes) {
        throw dataLoss(`ttrpc message of ${length} bytes: at most ${maxMessageBytes} are allowed`);
      }
      const end = frameHeaderBytes + length;
      if (bytes.length < end) break;
      yield {
        streamId: header.getUint32(4),
        type: header.getUint8(8),
        flags: header.getUint8(9),
        message: bytes.subarray(frameHeaderBytes, end),
      };
      bytes = bytes.subarray(end);
    }
    // A copy: the chunk is the socket's, and a few bytes must not keep all of it.
    this.#pending = Uint8Array.from(bytes);
  }
}
