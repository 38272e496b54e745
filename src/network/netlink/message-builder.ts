import { aligned, NLA_F_NESTED, NLA_HEADER_BYTES, NLM_F_REQUEST, NLMSG_HEADER_BYTES } from "./constants.ts";

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const utf8 = new TextEncoder();

/**
 * Writes one datagram of one or more netlink messages (netlink(7)).
 *
 * Numbers are in the machine's byte order unless a method's name says otherwise. A message is open between
 * `begin` and `end`; attributes are padded, nested ones get their length when their body returns.
 */
export class MessageBuilder {
  #bytes = new Uint8Array(2048);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #messageStart = 0;
  #sequence: number;

  constructor(firstSequence: number) {
    this.#sequence = firstSequence;
  }

  /** The sequence number of the message begun last. */
  get lastSequence(): number {
    return this.#sequence - 1;
  }

  /** NLM_F_REQUEST is always set. Returns the message's sequence number. */
  begin(type: number, flags: number): number {
    this.#messageStart = this.#length;
    const sequence = this.#sequence++;
    this.u32(0);
    this.u16(type);
    this.u16(flags | NLM_F_REQUEST);
    this.u32(sequence);
    this.u32(0);
    return sequence;
  }

  end(): void {
    this.#view.setUint32(this.#messageStart, this.#length - this.#messageStart, littleEndian);
    this.#padTo(aligned(this.#length));
  }

  /** Flags of the message begun last, changed after the fact: only the writer of a batch knows which one is last. */
  addFlagsToLast(flags: number): void {
    const at = this.#messageStart + 6;
    this.#view.setUint16(at, this.#view.getUint16(at, littleEndian) | flags, littleEndian);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#view.setUint8(this.#length, value);
    this.#length += 1;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, littleEndian);
    this.#length += 2;
  }

  u16Be(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value);
    this.#length += 2;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, littleEndian);
    this.#length += 4;
  }

  u32Be(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  attribute(type: number, value: Uint8Array): void {
    this.#attributeHeader(type, value.length);
    this.raw(value);
    this.#padTo(aligned(this.#length));
  }

  attributeU8(type: number, value: number): void {
    this.#attributeHeader(type, 1);
    this.u8(value);
    this.#padTo(aligned(this.#length));
  }

  attributeU16(type: number, value: number): void {
    this.#attributeHeader(type, 2);
    this.u16(value);
    this.#padTo(aligned(this.#length));
  }

  attributeU16Be(type: number, value: number): void {
    this.#attributeHeader(type, 2);
    this.u16Be(value);
    this.#padTo(aligned(this.#length));
  }

  attributeU32(type: number, value: number): void {
    this.#attributeHeader(type, 4);
    this.u32(value);
  }

  attributeU32Be(type: number, value: number): void {
    this.#attributeHeader(type, 4);
    this.u32Be(value);
  }

  /** NUL-terminated, as every string attribute of rtnetlink and nftables is. */
  attributeString(type: number, value: string): void {
    const text = utf8.encode(value);
    this.#attributeHeader(type, text.length + 1);
    this.raw(text);
    this.u8(0);
    this.#padTo(aligned(this.#length));
  }

  nest(type: number, body: () => void): void {
    const start = this.#length;
    this.#attributeHeader(type | NLA_F_NESTED, 0);
    body();
    this.#view.setUint16(start, this.#length - start, littleEndian);
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #attributeHeader(type: number, length: number): void {
    this.u16(NLA_HEADER_BYTES + length);
    this.u16(type);
  }

  #padTo(length: number): void {
    this.#reserve(length - this.#length);
    this.#bytes.fill(0, this.#length, length);
    this.#length = length;
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + extra + NLMSG_HEADER_BYTES));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
