import { FLAG_FIN, FRAME_HEADER_BYTES, FrameType, SPDY_VERSION } from "./frame-types.ts";
import { encodeHeaderBlock } from "./header-block.ts";
import { HeaderDeflater } from "./header-deflater.ts";
import type { Outbox } from "./outbox.ts";

/** The peer holds a whole frame in memory before it passes it on (spdystream does), so that frames stay moderate. */
const MAX_DATA_BYTES = 256 * 1024;
/** Up to here copying a payload behind its header is cheaper than a write, and so a system call, for the header alone. */
const MAX_COPIED_BYTES = 32 * 1024;

/** Makes frames. One buffer serves them all: nothing is allocated on the way of data. */
export class FrameWriter {
  readonly #outbox: Outbox;
  readonly #deflater = new HeaderDeflater();
  readonly #scratch = new Uint8Array(FRAME_HEADER_BYTES + MAX_COPIED_BYTES);
  readonly #view = new DataView(this.#scratch.buffer);

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  data(streamId: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MAX_DATA_BYTES)
      this.#dataFrame(
        streamId,
        at === 0 && bytes.length <= MAX_DATA_BYTES ? bytes : bytes.subarray(at, at + MAX_DATA_BYTES),
      );
  }

  fin(streamId: number): void {
    this.#view.setUint32(0, streamId);
    this.#setFlagsAndLength(FLAG_FIN, 0);
    this.#outbox.send(this.#scratch.subarray(0, FRAME_HEADER_BYTES));
  }

  synReply(streamId: number, headers: Iterable<readonly [string, string]>): void {
    const block = this.#deflater.deflate(encodeHeaderBlock(headers));
    const frame = new Uint8Array(FRAME_HEADER_BYTES + 4 + block.length);
    this.#setControl(FrameType.SynReply, 4 + block.length);
    this.#view.setUint32(FRAME_HEADER_BYTES, streamId);
    frame.set(this.#scratch.subarray(0, FRAME_HEADER_BYTES + 4));
    frame.set(block, FRAME_HEADER_BYTES + 4);
    this.#outbox.send(frame);
  }

  rstStream(streamId: number, status: number): void {
    this.#numbers(FrameType.RstStream, streamId, status);
  }

  ping(id: number): void {
    this.#setControl(FrameType.Ping, 4);
    this.#view.setUint32(FRAME_HEADER_BYTES, id);
    this.#outbox.send(this.#scratch.subarray(0, FRAME_HEADER_BYTES + 4));
  }

  goAway(lastStreamId: number, status: number): void {
    this.#numbers(FrameType.GoAway, lastStreamId, status);
  }

  #dataFrame(streamId: number, payload: Uint8Array): void {
    this.#view.setUint32(0, streamId);
    this.#setFlagsAndLength(0, payload.length);
    if (payload.length <= MAX_COPIED_BYTES) {
      this.#scratch.set(payload, FRAME_HEADER_BYTES);
      this.#outbox.send(this.#scratch.subarray(0, FRAME_HEADER_BYTES + payload.length));
      return;
    }
    this.#outbox.send(this.#scratch.subarray(0, FRAME_HEADER_BYTES));
    this.#outbox.send(payload);
  }

  #numbers(type: number, first: number, second: number): void {
    this.#setControl(type, 8);
    this.#view.setUint32(FRAME_HEADER_BYTES, first);
    this.#view.setUint32(FRAME_HEADER_BYTES + 4, second);
    this.#outbox.send(this.#scratch.subarray(0, FRAME_HEADER_BYTES + 8));
  }

  #setControl(type: number, length: number): void {
    this.#view.setUint16(0, 0x8000 | SPDY_VERSION);
    this.#view.setUint16(2, type);
    this.#setFlagsAndLength(0, length);
  }

  #setFlagsAndLength(flags: number, length: number): void {
    this.#view.setUint32(4, flags * 0x100_0000 + length);
  }
}
