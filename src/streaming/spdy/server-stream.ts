import { ResetStatus } from "./frame-types.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { InboundBuffer, type InboundTotals } from "./inbound-buffer.ts";
import type { SpdyStream } from "./spdy-stream.ts";

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly writer: FrameWriter;
  readonly totals: InboundTotals;
  /** After frames were written: whether there is room for more. If not, the stream is told when there is. */
  wrote(stream: ServerStream): boolean;
  /** After kept bytes were taken. */
  took(): void;
  /** Both halves are over. */
  closed(stream: ServerStream): void;
}

/**
 * The state of a stream. Each half ends once, by its own FIN or together with the other by a reset:
 *
 *     open ── our FIN ──▶ half closed ── their FIN taken by the listener ──▶ over
 *       └── RST_STREAM of either side, end of the connection ─────────────────▲
 */
export class ServerStream implements SpdyStream {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #host: StreamHost;
  readonly #buffer: InboundBuffer;
  #replied = false;
  #over = false;
  #localEnded = false;
  #remoteEnded = false;
  /** The listener has been told that the peer ended. */
  #endTaken = false;
  #paused = false;
  #handingOut = false;
  #dataListener: ((bytes: Uint8Array | undefined) => void) | undefined;
  #resetListener: ((reason: string) => void) | undefined;
  #drainListener: (() => void) | undefined;

  constructor(id: number, headers: ReadonlyMap<string, string>, host: StreamHost) {
    this.id = id;
    this.headers = headers;
    this.#host = host;
    this.#buffer = new InboundBuffer(host.totals);
  }

  reply(headers: Iterable<readonly [string, string]> = []): void {
    if (this.#replied || this.#over) return;
    this.#replied = true;
    this.#host.writer.synReply(this.id, headers);
    this.#host.wrote(this);
  }

  refuse(): void {
    this.#endAtOnce(ResetStatus.RefusedStream);
  }

  reset(): void {
    this.#endAtOnce(ResetStatus.Cancel);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#localEnded || this.#over) return true;
    this.reply();
    this.#host.writer.data(this.id, bytes);
    return this.#host.wrote(this);
  }

  end(): void {
    if (this.#localEnded || this.#over) return;
    this.reply();
    this.#localEnded = true;
    this.#host.writer.fin(this.id);
    this.#host.wrote(this);
    this.#settle();
  }

  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  onReset(listener: (reason: string) => void): void {
    this.#resetListener = listener;
  }

  onData(listener: (bytes: Uint8Array | undefined) => void): void {
    this.#dataListener = listener;
    this.#handOut();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#handOut();
  }

  /** The peer's half is over, though what it sent may not have been taken yet. */
  get remoteEnded(): boolean {
    return this.#remoteEnded;
  }

  /** A piece of the peer's data, from the connection. */
  receive(piece: Uint8Array): void {
    if (this.#over || piece.length === 0) return;
    const listener = this.#dataListener;
    if (listener === undefined || this.#paused || this.#handingOut || !this.#buffer.empty) this.#buffer.keep(piece);
    else listener(piece);
  }

  /** The peer's FIN, from the connection. */
  receiveEnd(): void {
    this.#remoteEnded = true;
    this.#handOut();
  }

  /** The connection has room again. */
  drained(): void {
    if (!this.#over) this.#drainListener?.();
  }

  /** Ended from outside: a reset of the peer, or the end of the connection. */
  lose(reason: string): void {
    if (this.#over) return;
    this.#finish();
    this.#resetListener?.(reason);
  }

  #handOut(): void {
    const listener = this.#dataListener;
    if (listener === undefined || this.#handingOut) return;
    this.#handingOut = true;
    while (!this.#paused && !this.#over && !this.#endTaken) {
      const piece = this.#buffer.take();
      if (piece === undefined && !this.#remoteEnded) break;
      this.#endTaken = piece === undefined;
      listener(piece);
    }
    this.#handingOut = false;
    this.#host.took();
    this.#settle();
  }

  #settle(): void {
    if (!this.#over && this.#localEnded && this.#endTaken) this.#finish();
  }

  #endAtOnce(status: number): void {
    if (this.#over) return;
    this.#host.writer.rstStream(this.id, status);
    this.#host.wrote(this);
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#buffer.clear();
    this.#host.closed(this);
  }
}
