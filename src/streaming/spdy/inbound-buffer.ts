/** What a kept piece costs beyond its bytes: the objects that hold it. Else a peer that sends single bytes would be cheap. */
const PIECE_OVERHEAD_BYTES = 128;

/** What all streams of a connection keep together, and whether any one of them keeps too much. */
export class InboundTotals {
  readonly #maxStreamBytes: number;
  readonly #maxBytes: number;
  #bytes = 0;
  #fullStreams = 0;

  constructor(maxStreamBytes: number, maxBytes: number) {
    this.#maxStreamBytes = maxStreamBytes;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The transport is to be held: no more bytes may come in. */
  get full(): boolean {
    return this.#fullStreams > 0 || this.#bytes > this.#maxBytes;
  }

  /** The transport was held and the peer still sends: a bound for what should not happen. */
  get burst(): boolean {
    return this.#bytes > this.#maxBytes * 16;
  }

  changed(before: number, after: number): void {
    this.#bytes += after - before;
    this.#fullStreams += Number(after > this.#maxStreamBytes) - Number(before > this.#maxStreamBytes);
  }
}

/** What a stream has received and its reader has not taken yet. */
export class InboundBuffer {
  readonly #totals: InboundTotals;
  #pieces: Uint8Array[] = [];
  #first = 0;
  #bytes = 0;

  constructor(totals: InboundTotals) {
    this.#totals = totals;
  }

  get empty(): boolean {
    return this.#first === this.#pieces.length;
  }

  keep(piece: Uint8Array): void {
    this.#pieces.push(new Uint8Array(piece));
    this.#count(piece.length + PIECE_OVERHEAD_BYTES);
  }

  take(): Uint8Array | undefined {
    const piece = this.#pieces[this.#first];
    if (piece === undefined) return undefined;
    this.#first++;
    this.#count(-piece.length - PIECE_OVERHEAD_BYTES);
    if (this.empty) {
      this.#pieces = [];
      this.#first = 0;
    }
    return piece;
  }

  clear(): void {
    this.#pieces = [];
    this.#first = 0;
    this.#count(-this.#bytes);
  }

  #count(change: number): void {
    const before = this.#bytes;
    this.#bytes += change;
    this.#totals.changed(before, this.#bytes);
  }
}
