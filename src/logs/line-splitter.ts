const lineFeed = 0x0a;

/** A writer keeps to 16 KiB of content a line; what is longer than this is no CRI log and is handed on in pieces. */
const longestLineBytes = 256 * 1024;

/** Cuts a stream of blocks into lines. Memory is bounded by the longest line. */
export class LineSplitter {
  #rest: Uint8Array = new Uint8Array(0);

  /** Calls `onLine` with each line that `block` completes, without its line feed; the bytes are valid during the call only. */
  push(block: Uint8Array, onLine: (line: Uint8Array) => void): void {
    let from = 0;
    for (let at = block.indexOf(lineFeed); at >= 0; at = block.indexOf(lineFeed, from)) {
      const piece = block.subarray(from, at);
      onLine(this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]));
      if (this.#rest.length > 0) this.#rest = new Uint8Array(0);
      from = at + 1;
    }
    if (from < block.length) this.#rest = Buffer.concat([this.#rest, block.subarray(from)]);
    if (this.#rest.length > longestLineBytes) this.end(onLine);
  }

  /** What no line feed has ended. */
  end(onLine: (line: Uint8Array) => void): void {
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    if (rest.length > 0) onLine(rest);
  }
}
