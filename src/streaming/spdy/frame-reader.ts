import { FRAME_HEADER_BYTES, SPDY_VERSION } from "./frame-types.ts";

/** Who the frames are for. Byte arrays are valid only during the call. */
export interface FrameSink {
  onControl(type: number, flags: number, payload: Uint8Array): void;
  /** DATA begins. The payload follows in pieces, none for an empty frame; then {@link onDataEnd}. */
  onDataBegin(streamId: number): void;
  onDataPiece(piece: Uint8Array): void;
  onDataEnd(flags: number): void;
  /** What follows cannot be read. */
  onMalformed(reason: string): void;
}

const empty = new Uint8Array(0);

/**
 * Takes a byte stream apart into frames (draft section 2.2).
 *
 *     control: 1|version(15) type(16)     data: 0|stream(31)         then for both: flags(8) length(24) payload
 *
 * DATA payload is passed on as it arrives, without being collected or copied. Control frames are collected when they come
 * in pieces, up to the limit.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxControlFrameBytes: number;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerLength = 0;
  #inPayload = false;
  #control = false;
  #type = 0;
  #flags = 0;
  #left = 0;
  #collected = empty;
  #collectedLength = 0;
  #stopped = false;

  constructor(sink: FrameSink, maxControlFrameBytes: number) {
    this.#sink = sink;
    this.#maxControlFrameBytes = maxControlFrameBytes;
  }

  /** Nothing is read from now on, not even the rest of the bytes at hand. */
  stop(): void {
    this.#stopped = true;
    this.#collected = empty;
  }

  read(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#stopped)
      at = this.#inPayload ? this.#readPayload(bytes, at) : this.#readHeader(bytes, at);
  }

  #readHeader(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#headerLength === 0 && bytes.length - at >= FRAME_HEADER_BYTES) {
      this.#begin(bytes, at);
      return at + FRAME_HEADER_BYTES;
    }
    while (at < bytes.length && this.#headerLength < FRAME_HEADER_BYTES)
      this.#header[this.#headerLength++] = bytes[at++] ?? 0;
    if (this.#headerLength < FRAME_HEADER_BYTES) return at;
    this.#headerLength = 0;
    this.#begin(this.#header, 0);
    return at;
  }

  #begin(bytes: Uint8Array, at: number): void {
    const first = bytes[at] ?? 0;
    const high = (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
    this.#flags = bytes[at + 4] ?? 0;
    this.#left = ((bytes[at + 5] ?? 0) << 16) | ((bytes[at + 6] ?? 0) << 8) | (bytes[at + 7] ?? 0);
    this.#control = first >= 0x80;
    if (this.#control) this.#beginControl((first & 0x7f) * 256 + (bytes[at + 1] ?? 0), high);
    else this.#beginData(((first << 24) | ((bytes[at + 1] ?? 0) << 16)) + high);
  }

  #beginControl(version: number, type: number): void {
    if (version !== SPDY_VERSION) {
      this.#fail(`a frame of SPDY version ${version}, only ${SPDY_VERSION} is spoken`);
      return;
    }
    if (this.#left > this.#maxControlFrameBytes) {
      this.#fail(`a control frame of ${this.#left} bytes, at most ${this.#maxControlFrameBytes} are allowed`);
      return;
    }
    this.#type = type;
    if (this.#left === 0) {
      this.#sink.onControl(type, this.#flags, empty);
      return;
    }
    this.#inPayload = true;
  }

  #beginData(streamId: number): void {
    this.#sink.onDataBegin(streamId);
    if (this.#left === 0) {
      this.#sink.onDataEnd(this.#flags);
      return;
    }
    this.#inPayload = true;
  }

  #readPayload(bytes: Uint8Array, at: number): number {
    const length = Math.min(this.#left, bytes.length - at);
    const piece = bytes.subarray(at, at + length);
    this.#left -= length;
    // Before anyone is called: what is called may stop this reader, or throw, and neither may read a byte twice.
    if (this.#left === 0) this.#inPayload = false;
    if (this.#control) this.#takeControl(piece);
    else {
      this.#sink.onDataPiece(piece);
      if (this.#left === 0 && !this.#stopped) this.#sink.onDataEnd(this.#flags);
    }
    return at + length;
  }

  #takeControl(piece: Uint8Array): void {
    const whole = this.#collectedLength === 0 && this.#left === 0;
    if (whole) {
      this.#sink.onControl(this.#type, this.#flags, piece);
      return;
    }
    if (this.#collectedLength === 0) this.#collected = new Uint8Array(piece.length + this.#left);
    this.#collected.set(piece, this.#collectedLength);
    this.#collectedLength += piece.length;
    if (this.#left > 0) return;
    const payload = this.#collected;
    this.#collected = empty;
    this.#collectedLength = 0;
    this.#sink.onControl(this.#type, this.#flags, payload);
  }

  #fail(reason: string): void {
    this.stop();
    this.#sink.onMalformed(reason);
  }
}
