import { dataLoss } from "../errors/crib-error.ts";
import { PieceSplitter } from "../framing/piece-splitter.ts";

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

/** Cuts a byte stream into frames. */
export class FrameReader {
  readonly #pieces = new PieceSplitter(frameHeaderBytes, (header) => {
    const length = header.getUint32(0);
    if (length > maxMessageBytes) {
      throw dataLoss(`ttrpc message of ${length} bytes: at most ${maxMessageBytes} are allowed`);
    }
    return frameHeaderBytes + length;
  });

  /** @throws {CribError} data-loss for a frame that is too long: what follows it cannot be found. */
  *push(chunk: Uint8Array): Generator<Frame> {
    for (const piece of this.#pieces.push(chunk)) {
      yield {
        streamId: piece.readUInt32BE(4),
        type: piece.readUInt8(8),
        flags: piece.readUInt8(9),
        message: piece.subarray(frameHeaderBytes),
      };
    }
  }
}
