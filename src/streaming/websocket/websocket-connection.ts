import type { Wire } from "../wire.ts";
import { parseClosePayload } from "./close-payload.ts";
import { type CloseCode, type ControlOpcode, type DataOpcode, Opcode } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { closeFrame, controlFrame, writeFrameHead } from "./frame-writer.ts";

/** Takes the messages of a protocol over WebSocket. */
export interface MessageReader {
  onMessageStart(opcode: DataOpcode): void;
  /** A part of the message; belongs to the reader. */
  onPiece(piece: Uint8Array): void;
  onMessageEnd(): void;
}

/** Hears of the connection itself. */
export interface ConnectionListener {
  onDrain(): void;
  /** The client has closed, broken the protocol or vanished. Not called after our own close. */
  onGone(reason: string): void;
}

/** x/net/websocket, which the field's servers use, allows as much. Nothing is collected, so nothing is lost by it. */
const limits = { maxFrameBytes: 32 * 1024 * 1024, maxMessageBytes: 32 * 1024 * 1024 };
/** Payload of one message we send. Larger output is several. */
export const maxSentBytes = 256 * 1024;
const maxHeadBytes = 10;
/** A client that reads nothing hears from us this often, so that one that is no more is noticed. Clients wait for 60 s. */
const keepAliveMs = 15_000;

/** One WebSocket: framing, pings and the closing handshake over a wire. */
export class WebSocketConnection {
  readonly #wire: Wire;
  readonly #listener: ConnectionListener;
  readonly #reader: FrameReader;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<boolean>;
  readonly #scratch = new Uint8Array(maxHeadBytes + 1 + maxSentBytes);
  /** A ping that came while the client did not read; only the latest needs an answer (RFC 6455 section 5.5.3). */
  #owedPong: Uint8Array | undefined;
  #full = false;
  #paused: AbortController | undefined;
  #over = false;

  constructor(
    wire: Wire,
    messages: MessageReader,
    listener: ConnectionListener,
    sleep: (ms: number, signal: AbortSignal) => Promise<boolean>,
  ) {
    this.#wire = wire;
    this.#listener = listener;
    this.#sleep = sleep;
    this.#reader = new FrameReader(
      {
        onMessageStart: (opcode) => messages.onMessageStart(opcode),
        onPiece: (piece) => messages.onPiece(piece),
        onMessageEnd: () => messages.onMessageEnd(),
        onControl: (opcode, payload) => this.#onControl(opcode, payload),
        onViolation: (code, reason) => this.fail(code, reason),
      },
      limits,
    );
    wire.handle({
      onData: (bytes) => this.#reader.read(bytes),
      onDrain: () => this.#onDrain(),
      onGone: (reason) => this.#end(reason),
    });
  }

  /**
   * Sends one message of at most {@link maxSentBytes}: `prefix`, if there is one, and `payload`, which may be reused. They are copied
   * behind their head: one copy costs less than a second system call.
   *
   * @returns false: hold back until `onDrain`.
   */
  send(opcode: DataOpcode, prefix: number | undefined, payload: Uint8Array): boolean {
    if (this.#over) return true;
    const prefixBytes = prefix === undefined ? 0 : 1;
    const head = writeFrameHead(this.#scratch, opcode, prefixBytes + payload.length);
    if (prefix !== undefined) this.#scratch[head] = prefix;
    this.#scratch.set(payload, head + prefixBytes);
    return this.#put(this.#scratch.subarray(0, head + prefixBytes + payload.length));
  }

  pause(): void {
    if (this.#over || this.#paused !== undefined) return;
    this.#paused = new AbortController();
    this.#wire.pause();
    void this.#keepAlive(this.#paused.signal);
  }

  resume(): void {
    if (this.#paused === undefined) return;
    this.#paused.abort();
    this.#paused = undefined;
    this.#wire.resume();
  }

  /** Says farewell after everything that was sent. Neither reader nor listener hears more. */
  close(code: CloseCode, reason: string): void {
    if (this.#over) return;
    this.#put(closeFrame(code, reason));
    this.#stop();
    this.#wire.finish();
  }

  /** Closes because of the client, and tells the handler. */
  fail(code: CloseCode, reason: string): void {
    if (this.#over) return;
    this.close(code, reason);
    this.#listener.onGone(`the client broke the protocol: ${reason}`);
  }

  #onControl(opcode: ControlOpcode, payload: Uint8Array): void {
    if (opcode === Opcode.Ping) {
      if (this.#full) this.#owedPong = payload;
      else this.#put(controlFrame(Opcode.Pong, payload));
    } else if (opcode === Opcode.Close) {
      const close = parseClosePayload(payload);
      if ("violation" in close) {
        this.fail(close.violation, close.reason);
        return;
      }
      // Section 5.5.1: the code is echoed.
      this.#put(controlFrame(Opcode.Close, payload.subarray(0, 2)));
      this.#stop();
      this.#wire.finish();
      this.#listener.onGone(`the client closed with ${close.code}`);
    }
  }

  #put(frame: Uint8Array): boolean {
    const taken = this.#wire.send(frame);
    this.#full = !taken;
    return taken;
  }

  #onDrain(): void {
    this.#full = false;
    const owed = this.#owedPong;
    this.#owedPong = undefined;
    if (owed === undefined || this.#put(controlFrame(Opcode.Pong, owed))) this.#listener.onDrain();
  }

  /** Pongs without a ping are allowed (section 5.5.3), and keep a client patient whose own pings cannot be read. */
  async #keepAlive(signal: AbortSignal): Promise<void> {
    while (await this.#sleep(keepAliveMs, signal)) {
      if (!this.#full) this.#put(controlFrame(Opcode.Pong, new Uint8Array()));
    }
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#stop();
    this.#listener.onGone(reason);
  }

  #stop(): void {
    this.#over = true;
    this.#owedPong = undefined;
    this.#reader.stop();
    this.#paused?.abort();
    this.#paused = undefined;
  }
}
