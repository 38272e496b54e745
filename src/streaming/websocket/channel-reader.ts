import { CloseCode, type DataOpcode, Opcode } from "./frame.ts";
import type { ChannelProtocol } from "./subprotocols.ts";
import type { MessageReader } from "./websocket-connection.ts";

export interface ChannelSink {
  /** `bytes` belongs to the sink; never empty. */
  onChannelData(channel: number, bytes: Uint8Array): void;
  onChannelClose(channel: number): void;
  onViolation(code: CloseCode, reason: string): void;
}

const closeChannel = 255;
const asciiZero = 0x30;
/** Base64 must be collected to be read; clients send what they read from a pipe or a keyboard. */
const maxBase64Bytes = 4 * 1024 * 1024;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Messages of the channel protocols to what their channels carry. Binary ones are passed on in pieces as they come. */
export class ChannelReader implements MessageReader {
  readonly #protocol: ChannelProtocol;
  readonly #sink: ChannelSink;
  #channel: number | undefined;
  #text: TextDecoder | undefined;
  #collected: Uint8Array[] = [];
  #collectedBytes = 0;

  constructor(protocol: ChannelProtocol, sink: ChannelSink) {
    this.#protocol = protocol;
    this.#sink = sink;
  }

  onMessageStart(opcode: DataOpcode): void {
    this.#channel = undefined;
    this.#collected = [];
    this.#collectedBytes = 0;
    this.#text = opcode === Opcode.Text ? new TextDecoder("utf-8", { fatal: true }) : undefined;
  }

  onPiece(piece: Uint8Array): void {
    if (!this.#checkText(piece)) return;
    let data = piece;
    if (this.#channel === undefined) {
      this.#channel = piece[0] ?? 0;
      data = piece.subarray(1);
    }
    if (data.length === 0) return;
    if (this.#protocol.base64 || this.#isCloseSignal()) this.#collect(data);
    else this.#sink.onChannelData(this.#channel, data);
  }

  onMessageEnd(): void {
    if (!this.#checkText(undefined)) return;
    const channel = this.#channel;
    if (channel === undefined) return;
    const bytes = Buffer.concat(this.#collected);
    if (this.#protocol.base64) this.#decode(channel - asciiZero, bytes);
    else if (this.#isCloseSignal()) {
      const [ended] = bytes;
      if (ended === undefined || bytes.length !== 1) {
        this.#sink.onViolation(CloseCode.ProtocolError, "close signal names no channel");
      } else this.#sink.onChannelClose(ended);
    }
  }

  #isCloseSignal(): boolean {
    return this.#protocol.closeSignal && this.#channel === closeChannel;
  }

  #collect(data: Uint8Array): void {
    this.#collectedBytes += data.length;
    const most = this.#protocol.base64 ? maxBase64Bytes : 1;
    if (this.#collectedBytes > most) this.#sink.onViolation(CloseCode.TooBig, "message is too big");
    else this.#collected.push(data);
  }

  #decode(channel: number, bytes: Buffer): void {
    const text = bytes.toString("latin1");
    if (!base64.test(text)) this.#sink.onViolation(CloseCode.InvalidPayload, "message is not base64");
    else if (text !== "") this.#sink.onChannelData(channel, Buffer.from(text, "base64"));
  }

  /** Text must be UTF-8 (RFC 6455 section 8.1), even where only its bytes matter. `undefined`: the message's end. */
  #checkText(piece: Uint8Array | undefined): boolean {
    try {
      this.#text?.decode(piece, { stream: piece !== undefined });
      return true;
    } catch {
      this.#sink.onViolation(CloseCode.InvalidPayload, "text is not UTF-8");
      return false;
    }
  }
}
