/** Room before each block's bytes, for what a target may have to put there: the head of a frame to a pod's monitor. */
export const headroomBytes = 128;
/** What is handed on at once: it fits the socket to a pod's monitor, whose send buffer is 208 KiB by default. */
const blockBytes = 192 * 1024;

interface Block {
  readonly memory: Uint8Array;
  used: number;
}

/**
 * Bytes in the order they came, in blocks: what comes in small pieces while the one before is written goes on as one. Copied, so
 * that a piece that waits does not keep the whole chunk it came in.
 */
export class InputBlocks {
  #waiting: Block[] = [];
  #taken: Block | undefined;
  /** A full one to use again: memory that is fresh for every block costs more than the copy. */
  #spare: Uint8Array | undefined;
  #bytes = 0;

  /** Those taken and not yet written count. */
  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const block = this.#open(bytes.length - at);
      const part = bytes.subarray(at, at + block.memory.length - block.used);
      block.memory.set(part, block.used);
      block.used += part.length;
      at += part.length;
    }
  }

  /** The next to be written, with {@link headroomBytes} of room before it. It stays as it is until `written`. */
  take(): Uint8Array | undefined {
    this.#taken = this.#waiting.shift();
    return this.#taken?.memory.subarray(headroomBytes, this.#taken.used);
  }

  written(): void {
    const block = this.#taken;
    this.#taken = undefined;
    if (block === undefined) return;
    this.#bytes -= block.used - headroomBytes;
    if (block.memory.length === blockBytes) this.#spare = block.memory;
  }

  clear(): void {
    this.#waiting = [];
    this.#spare = undefined;
    this.#bytes = 0;
  }

  /** A block with room; what it has need not be enough for `wanted` bytes. */
  #open(wanted: number): Block {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.used < last.memory.length) return last;
    const idle = last === undefined && this.#taken === undefined;
    const block = { memory: this.#memory(idle ? wanted : blockBytes), used: headroomBytes };
    this.#waiting.push(block);
    return block;
  }

  #memory(wanted: number): Uint8Array {
    const needed = headroomBytes + wanted;
    // Somebody types, or it is all there is.
    if (needed <= blockBytes / 2) return new Uint8Array(needed);
    const spare = this.#spare ?? new Uint8Array(blockBytes);
    this.#spare = undefined;
    return spare;
  }
}
