import type { Socket } from "bun";

/** Bytes on their way into a socket, in order: what it does not take now waits until it has drained. */
export class UnsentBytes {
  #chunks: Uint8Array[] = [];

  /** Not copied: the chunks must stay as they are until they are sent. */
  push(...chunks: readonly Uint8Array[]): void {
    this.#chunks.push(...chunks);
  }

  flushTo(socket: Socket | undefined): void {
    for (let first = this.#chunks[0]; socket !== undefined && first !== undefined; first = this.#chunks[0]) {
      const written = socket.write(first);
      // Negative: the socket is closing and says so by itself.
      if (written < first.length) {
        if (written > 0) this.#chunks[0] = first.subarray(written);
        return;
      }
      this.#chunks.shift();
    }
  }

  clear(): void {
    this.#chunks = [];
  }
}
