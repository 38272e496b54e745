import { internal } from "../../errors/crib-error.ts";
import { aligned, NLA_HEADER_BYTES, NLA_TYPE_MASK, NLMSG_HEADER_BYTES } from "./constants.ts";

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header; a view into the datagram. */
  readonly body: Uint8Array;
}

/** Attribute type without its flag bits → value; of repeated types the last one stays. Values are views. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** @throws {CribError} internal for a datagram whose lengths do not add up. */
export function parseMessages(datagram: Uint8Array): readonly NetlinkMessage[] {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at < datagram.length) {
    const length = at + NLMSG_HEADER_BYTES <= datagram.length ? view.getUint32(at, littleEndian) : 0;
    if (length < NLMSG_HEADER_BYTES || at + length > datagram.length) throw internal("netlink reply is cut short");
    messages.push({
      type: view.getUint16(at + 4, littleEndian),
      flags: view.getUint16(at + 6, littleEndian),
      sequence: view.getUint32(at + 8, littleEndian),
      body: datagram.subarray(at + NLMSG_HEADER_BYTES, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** Attributes of `bytes` from `offset` on. @throws {CribError} internal for lengths that do not add up. */
export function parseAttributes(bytes: Uint8Array, offset = 0): Attributes {
  const attributes = new Map<number, Uint8Array>();
  for (const [type, value] of eachAttribute(bytes, offset)) attributes.set(type, value);
  return attributes;
}

/** As `parseAttributes`, for lists whose elements share one type. */
export function* eachAttribute(bytes: Uint8Array, offset = 0): Generator<readonly [type: number, value: Uint8Array]> {
  const view = viewOf(bytes);
  let at = offset;
  while (at + NLA_HEADER_BYTES <= bytes.length) {
    const length = view.getUint16(at, littleEndian);
    if (length < NLA_HEADER_BYTES || at + length > bytes.length) throw internal("netlink attribute is cut short");
    yield [view.getUint16(at + 2, littleEndian) & NLA_TYPE_MASK, bytes.subarray(at + NLA_HEADER_BYTES, at + length)];
    at += aligned(length);
  }
}

export function readU32(bytes: Uint8Array, offset = 0): number {
  return viewOf(bytes).getUint32(offset, littleEndian);
}

export function readI32(bytes: Uint8Array, offset = 0): number {
  return viewOf(bytes).getInt32(offset, littleEndian);
}

export function readU32Be(bytes: Uint8Array, offset = 0): number {
  return viewOf(bytes).getUint32(offset);
}

export function readU64(bytes: Uint8Array, offset = 0): bigint {
  return viewOf(bytes).getBigUint64(offset, littleEndian);
}

/** Up to the first NUL. */
export function readString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
