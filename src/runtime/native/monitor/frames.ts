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
