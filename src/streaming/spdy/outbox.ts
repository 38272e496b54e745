/** What a queued piece costs beyond its bytes: the objects that hold it. */
const PIECE_OVERHEAD_BYTES = 128;

/**
 * Bytes on their way to a transport that can say stop.
 *
 * While it takes them they are handed on without being kept. After a stop they are copied into a queue until the transport
 * has drained; the queue is what the writers that have not yet heard of the stop add at most.
 */
export class Outbox {
  readonly #write: (bytes: Uint8Array) => boolean;
  readonly #maxBytes: number;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #open = true;
  #closed = false;

  constructor(write: (bytes: Uint8Array) => boolean, maxBytes: number) {
    this.#write = write;
    this.#maxBytes = maxBytes;
  }

  /** Whether the next bytes go straight to the transport. */
  get open(): boolean {
    return this.#open;
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  /** More is waiting than allowed: the transport does not drain and writes go on all the same. */
  get overfull(): boolean {
    return this.#queuedBytes > this.#maxBytes;
  }

  /** `bytes` may be reused when this returns. */
  send(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#open) {
      this.#open = this.#write(bytes);
      return;
    }
    if (this.overfull) return;
    this.#queue.push(new Uint8Array(bytes));
    this.#queuedBytes += bytes.length + PIECE_OVERHEAD_BYTES;
  }

  /** The transport takes bytes again. */
  drained(): void {
    this.#open = true;
    const queue = this.#queue;
    let sent = 0;
    while (this.#open && sent < queue.length) {
      const bytes = queue[sent++];
      if (bytes === undefined) continue;
      this.#queuedBytes -= bytes.length + PIECE_OVERHEAD_BYTES;
      this.#open = this.#write(bytes);
    }
    this.#queue = sent === queue.length ? [] : queue.slice(sent);
  }

  /** Forgets what waits, and whatever is sent from now on. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}
