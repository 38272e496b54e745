import { CribError } from "../../../errors/crib-error.ts";
import { WireWriter } from "../plan/wire-writer.ts";

/**
 * The protocol with a pod's monitor; ffi/wire/protocol.h is the other side, draws the frames and says what each version
 * brought. Numbers are frozen in ffi/protocol-numbers.json; `npm run check` compares the three.
 */
export const protocol = { magic: 0x4f4d5243, oldest: 1, newest: 3 } as const;

/** A longer request is refused here rather than by a closed connection. */
export const maxPayloadBytes = 4 * 1024 * 1024;

export const FrameKind = {
  hello: 1,
  setup: 2,
  start: 3,
  exec: 4,
  signal: 5,
  list: 6,
  reopenLog: 7,
  resize: 8,
  closeStdin: 9,
  stdin: 10,
  forget: 11,
  shutdown: 12,
  abandon: 13,
  attach: 14,
  unshare: 15,
  mute: 16,
  renew: 17,

  ok: 0x8000,
  error: 0x8001,

  exit: 0x9001,
  execOutput: 0x9002,
  execExit: 0x9003,
  execDrained: 0x9004,
} as const;

export interface Frame {
  readonly kind: number;
  /** 0 for an event. */
  readonly request: number;
  readonly payload: Uint8Array;
}

export const headerBytes = 12;

/**
 * `tailBytes` of the payload follow by themselves.
 * @throws {CribError} invalid-argument for a payload the monitor would refuse.
 */
export function encodeFrame(kind: number, request: number, payload: Uint8Array, tailBytes = 0): Uint8Array {
  const length = payload.length + tailBytes;
  if (length > maxPayloadBytes) {
    throw new CribError("invalid-argument", `request of ${length} bytes is over the limit of ${maxPayloadBytes}`);
  }
  return new WireWriter().u32(length).u16(kind).u16(0).u32(request).raw(payload).written();
}

/**
 * Cuts a byte stream into frames. An answer's payload is a copy; an event's lies in the chunk, whose memory is the socket's
 * and used again: it has to be read at once. Output comes as events, and copying it would be most of what a byte costs.
 */
export class FrameSplitter {
  /** A frame that has begun: its header, and once that is known room for all of it. */
  #begun: Uint8Array = new Uint8Array(headerBytes);
  #held = 0;

  /** @throws {CribError} data-loss for a header no monitor writes. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (this.#held > 0 && at < chunk.length) at += this.#continue(chunk.subarray(at), frames);
    while (chunk.length - at >= headerBytes) {
      const end = at + frameBytes(chunk, at);
      if (end > chunk.length) break;
      frames.push(frameOf(chunk.subarray(at, end)));
      at = end;
    }
    if (at < chunk.length) this.#begin(chunk.subarray(at));
    return frames;
  }

  #begin(start: Uint8Array): void {
    this.#begun = new Uint8Array(start.length < headerBytes ? headerBytes : frameBytes(start, 0));
    this.#begun.set(start);
    this.#held = start.length;
  }

  /** Takes what belongs to the frame that has begun; returns how many bytes that was. */
  #continue(bytes: Uint8Array, frames: Frame[]): number {
    const part = bytes.subarray(0, this.#begun.length - this.#held);
    this.#begun.set(part, this.#held);
    this.#held += part.length;
    if (this.#held < this.#begun.length) return part.length;
    const length = frameBytes(this.#begun, 0);
    if (length > this.#held) {
      this.#begin(this.#begun);
    } else {
      frames.push(frameOf(this.#begun));
      this.#held = 0;
    }
    return part.length;
  }
}

/** Of the frame that begins at `at`, header and all. */
function frameBytes(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, headerBytes);
  const length = view.getUint32(0, true);
  if (length > maxPayloadBytes || view.getUint16(6, true) !== 0) {
    throw new CribError("data-loss", "malformed frame from a pod's monitor");
  }
  return headerBytes + length;
}

function frameOf(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const request = view.getUint32(8, true);
  const payload = bytes.subarray(headerBytes);
  return { kind: view.getUint16(4, true), request, payload: request === 0 ? payload : payload.slice() };
}
