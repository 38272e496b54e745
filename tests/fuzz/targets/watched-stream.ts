import type { SpdyStream } from "../../../src/streaming/spdy/spdy-stream.ts";

/** Listens on a stream, and checks that it hears an order of things that the contract allows. */
export class WatchedStream {
  /** What the peer sent on it, kept by who plays the peer. */
  sentBytes = 0;
  sentEnd = false;
  /** Ended by our side, or by a mistake of the peer: nothing more needs to arrive. */
  abandoned = false;
  readonly stream: SpdyStream;
  #bytes = 0;
  #ended = false;
  #resets = 0;
  #wrong: string | undefined;

  constructor(stream: SpdyStream) {
    this.stream = stream;
    stream.onData((piece) => this.#hear(piece));
    stream.onReset(() => {
      this.#resets++;
      if (this.#resets > 1) this.#wrong = `stream ${stream.id} is reset twice`;
    });
  }

  get over(): boolean {
    return this.#resets > 0;
  }

  get shape(): string {
    const words = [this.#bytes > 0 ? " data" : "", this.#ended ? " end" : "", this.over ? " reset" : ""];
    return `${this.stream.headers.size} headers${words.join("")}`;
  }

  /** The order of what was heard. */
  checkOrder(): void {
    if (this.#wrong !== undefined) throw new Error(this.#wrong);
    if (this.sentBytes < this.#bytes && !this.abandoned) throw new Error("more bytes arrive than were sent");
  }

  /** All that was sent has been heard. */
  checkDelivered(): void {
    if (this.over || this.abandoned) return;
    const { id } = this.stream;
    if (this.#bytes !== this.sentBytes)
      throw new Error(`stream ${id}: ${this.sentBytes} bytes sent, ${this.#bytes} arrived`);
    if (this.#ended !== this.sentEnd) throw new Error(`stream ${id}: its end is ${this.#ended ? "made up" : "lost"}`);
  }

  #hear(piece: Uint8Array | undefined): void {
    const { id } = this.stream;
    if (this.#ended || this.over) this.#wrong = `stream ${id} hears data behind its end`;
    if (piece?.length === 0) this.#wrong = `stream ${id} hears nothing as data`;
    if (piece === undefined) this.#ended = true;
    this.#bytes += piece?.length ?? 0;
  }
}
