import { CribError } from "../../../errors/crib-error.ts";
import { WireWriter } from "../plan/wire-writer.ts";

/** ffi/wire/protocol.h is the other side and draws the frames. A longer request is refused here rather than by a closed connection. */
export const maxPayloadBytes = 4 * 1024 * 1024;

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
