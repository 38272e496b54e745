import { CloseCode, type ControlOpcode, type DataOpcode, maxControlBytes, Opcode } from "./frame.ts";
import { unmask } from "./unmask.ts";

/** What a reader finds. Data comes in pieces as it arrives: a message is never collected here. */
export interface FrameSink {
  onMessageStart(opcode: DataOpcode): void;
  /** Unmasked, a view of what was read; never empty. */
  onPiece(piece: Uint8Array): void;
  onMessageEnd(): void;
  onControl(opcode: ControlOpcode, payload: Uint8Array): void;
  /** The client broke the protocol; nothing more is read. */
  onViolation(code: CloseCode, reason: string): void;
}

export interface FrameLimits {
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
}

const maskBytes = 4;
/** Two bytes, eight of length, the mask. */
const maxHeaderBytes = 14;

/** The server's side of RFC 6455 section 5: frames must be masked, unfragmented where they control, and within limits. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: FrameLimits;
  readonly #header = new Uint8Array(maxHeaderBytes);
  #headerBytes = 0;
  readonly #mask = new Uint8Array(maskBytes);
  #opcode = 0;
  #final = false;
  #payloadLeft = 0;
  #phase = 0;
  #control: Uint8Array | undefined;
  /** Between the frames of a message, its bytes so far. */
  #messageBytes: number | undefined;
  #state: "header" | "payload" | "stopped" = "header";

  constructor(sink: FrameSink, limits: FrameLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Reads `bytes`, and unmasks them in place. */
  read(bytes: Uint8Array): void {
    let at = 0;
    while (this.#state !== "stopped") {
      if (this.#state === "header") {
        if (at === bytes.length) return;
        at = this.#takeHeader(bytes, at);
      } else {
        const taken = Math.min(this.#payloadLeft, bytes.length - at);
        if (taken > 0) this.#takePayload(bytes.subarray(at, at + taken));
        at += taken;
        if (this.#payloadLeft > 0) return;
        // A sink may have stopped the reader.
        if (this.#reading()) this.#endFrame();
      }
    }
  }

  /** Nothing more reaches the sink. */
  stop(): void {
    this.#state = "stopped";
  }

  #reading(): boolean {
    return this.#state !== "stopped";
  }

  /** @returns where the next byte is */
  #takeHeader(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#headerBytes < this.#headerLength()) {
      this.#header[this.#headerBytes] = bytes[at] ?? 0;
      this.#headerBytes += 1;
      at += 1;
      // Judged at once: a client that lies in the first two bytes is not waited for.
      if (this.#headerBytes === 2 && !this.#checkStart()) return bytes.length;
    }
    if (this.#headerBytes >= 2 && this.#headerBytes === this.#headerLength()) this.#startPayload();
    return at;
  }

  #headerLength(): number {
    if (this.#headerBytes < 2) return 2;
    const length = this.#byte(1) & 0x7f;
    return 2 + maskBytes + (length === 127 ? 8 : length === 126 ? 2 : 0);
  }

  #checkStart(): boolean {
    const first = this.#byte(0);
    const opcode = first & 0x0f;
    this.#final = (first & 0x80) !== 0;
    this.#opcode = opcode;
    if ((first & 0x70) !== 0) return this.#violation("reserved bits are set");
    if ((this.#byte(1) & 0x80) === 0) return this.#violation("frame is not masked");
    if (opcode >= Opcode.Close) {
      if (opcode > Opcode.Pong) return this.#violation(`opcode ${opcode} is not known`);
      if (!this.#final) return this.#violation("control frame is fragmented");
      if ((this.#byte(1) & 0x7f) > maxControlBytes) return this.#violation("control frame is too long");
      return true;
    }
    if (opcode > Opcode.Binary) return this.#violation(`opcode ${opcode} is not known`);
    const inMessage = this.#messageBytes !== undefined;
    if (opcode === Opcode.Continuation && !inMessage) return this.#violation("continuation of nothing");
    if (opcode !== Opcode.Continuation && inMessage) return this.#violation("message within a message");
    return true;
  }

  #startPayload(): void {
    const length = this.#payloadLength();
    if (length === undefined) return;
    this.#mask.set(this.#header.subarray(this.#headerBytes - maskBytes, this.#headerBytes));
    this.#headerBytes = 0;
    this.#payloadLeft = length;
    this.#phase = 0;
    this.#state = "payload";
    if (this.#opcode >= Opcode.Close) {
      this.#control = new Uint8Array(length);
      return;
    }
    const messageBytes = (this.#messageBytes ?? 0) + length;
    if (length > this.#limits.maxFrameBytes || messageBytes > this.#limits.maxMessageBytes) {
      this.#violation("message is too big", CloseCode.TooBig);
      return;
    }
    const starts = this.#messageBytes === undefined;
    this.#messageBytes = messageBytes;
    if (starts) this.#sink.onMessageStart(this.#opcode as DataOpcode);
  }

  /** Section 5.2: the shortest form must be used, and the topmost bit of 64 is zero. */
  #payloadLength(): number | undefined {
    const short = this.#byte(1) & 0x7f;
    if (short < 126) return short;
    const view = new DataView(this.#header.buffer);
    const length = short === 126 ? BigInt(view.getUint16(2)) : view.getBigUint64(2);
    if (length < (short === 126 ? 126n : 0x1_0000n)) {
      this.#violation("length is not in its shortest form");
      return undefined;
    }
    if (length > BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#violation("message is too big", CloseCode.TooBig);
      return undefined;
    }
    return Number(length);
  }

  #takePayload(piece: Uint8Array): void {
    unmask(piece, this.#mask, this.#phase);
    this.#phase = (this.#phase + piece.length) & 3;
    if (this.#control === undefined) this.#sink.onPiece(piece);
    else this.#control.set(piece, this.#control.length - this.#payloadLeft);
    this.#payloadLeft -= piece.length;
  }

  #endFrame(): void {
    this.#state = "header";
    const control = this.#control;
    if (control !== undefined) {
      this.#control = undefined;
      this.#sink.onControl(this.#opcode as ControlOpcode, control);
    } else if (this.#final) {
      this.#messageBytes = undefined;
      this.#sink.onMessageEnd();
    }
  }

  #byte(at: number): number {
    return this.#header[at] ?? 0;
  }

  #violation(reason: string, code: CloseCode = CloseCode.ProtocolError): false {
    this.#state = "stopped";
    this.#sink.onViolation(code, reason);
    return false;
  }
}
