/** Cuts a stream of bytes into pieces that say their own length in a header of a fixed size. */
export class PieceSplitter {
  readonly #headerBytes: number;
  readonly #pieceBytes: (header: DataView) => number;
  /** The piece that has begun, as its bytes came. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;
  /** How many bytes are needed to go on: a header, or the whole of a piece whose header is known. */
  #wantedBytes: number;

  /** @param pieceBytes the length of the whole piece, header included; throws for one that is not allowed. */
  constructor(headerBytes: number, pieceBytes: (header: DataView) => number) {
    this.#headerBytes = headerBytes;
    this.#pieceBytes = pieceBytes;
    this.#wantedBytes = headerBytes;
  }

  /**
   * The pieces that are whole with `chunk`. They may lie in it: a caller that keeps one copies it.
   *
   * @throws what `pieceBytes` throws: what follows such a piece cannot be found.
   */
  *push(chunk: Uint8Array): Generator<Buffer> {
    if (this.#begunBytes + chunk.length < this.#wantedBytes) {
      this.#keep(chunk);
      return;
    }
    let rest = this.#begun.length === 0 ? bufferOf(chunk) : Buffer.concat([...this.#begun, chunk]);
    this.#begun = [];
    this.#begunBytes = 0;
    this.#wantedBytes = this.#headerBytes;
    while (rest.length >= this.#headerBytes) {
      const size = this.#pieceBytes(new DataView(rest.buffer, rest.byteOffset, this.#headerBytes));
      if (rest.length < size) {
        this.#wantedBytes = size;
        break;
      }
      yield rest.subarray(0, size);
      rest = rest.subarray(size);
    }
    if (rest.length > 0) this.#keep(rest);
  }

  /** A copy: the chunk is its socket's, which may use it again, and a few bytes must not keep all of it. */
  #keep(bytes: Uint8Array): void {
    this.#begun.push(new Uint8Array(bytes));
    this.#begunBytes += bytes.length;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
