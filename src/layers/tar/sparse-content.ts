import type { SparsePiece } from "./sparse-map.ts";
import type { TarSink } from "./tar-entry.ts";

/** Hands the stored bytes of a sparse file to a sink with the holes between them, in the file's order. */
export class SparseContent {
  readonly #pieces: readonly SparsePiece[];
  readonly #sizeBytes: number;
  readonly #sink: TarSink;
  #next = 0;
  #inPiece = 0;
  #position = 0;

  /** @param pieces checked. */
  constructor(pieces: readonly SparsePiece[], sizeBytes: number, sink: TarSink) {
    this.#pieces = pieces;
    this.#sizeBytes = sizeBytes;
    this.#sink = sink;
  }

  data(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const piece = this.#pieces[this.#next];
      if (piece === undefined) return;
      this.#holeTo(piece.offset + this.#inPiece);
      const take = Math.min(piece.length - this.#inPiece, bytes.length - at);
      if (take > 0) this.#sink.data(bytes.subarray(at, at + take));
      at += take;
      this.#position += take;
      this.#inPiece += take;
      if (this.#inPiece === piece.length) {
        this.#next++;
        this.#inPiece = 0;
      }
    }
  }

  /** The hole at the end. */
  finish(): void {
    this.#holeTo(this.#sizeBytes);
  }

  #holeTo(offset: number): void {
    if (offset > this.#position) this.#sink.hole(offset - this.#position);
    this.#position = Math.max(this.#position, offset);
  }
}
