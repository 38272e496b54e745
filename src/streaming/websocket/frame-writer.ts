import { type ControlOpcode, type DataOpcode, Opcode } from "./frame.ts";

const finalBit = 0x80;

/** Writes a frame's head, unmasked as a server's is, into `into` at 0. @returns its length */
export function writeFrameHead(into: Uint8Array, opcode: DataOpcode, payloadBytes: number): number {
  into[0] = finalBit | opcode;
  const view = new DataView(into.buffer, into.byteOffset);
  if (payloadBytes < 126) {
    into[1] = payloadBytes;
    return 2;
  }
  if (payloadBytes < 0x1_0000) {
    into[1] = 126;
    view.setUint16(2, payloadBytes);
    return 4;
  }
  into[1] = 127;
  view.setBigUint64(2, BigInt(payloadBytes));
  return 10;
}

/** @param payload at most 125 bytes */
export function controlFrame(opcode: ControlOpcode, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + payload.length);
  frame[0] = finalBit | opcode;
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}

export function closeFrame(code: number, reason: string): Uint8Array {
  const text = new TextEncoder().encode(reason.slice(0, 60)).subarray(0, 123);
  const payload = new Uint8Array(2 + text.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  return controlFrame(Opcode.Close, payload);
}
