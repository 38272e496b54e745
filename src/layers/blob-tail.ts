import type { Fd } from "../ids/process.ts";
import type { Kernel } from "../kernel/port.ts";
import { damagedLayer } from "./layer-error.ts";

const pieceBytes = 128 * 1024;

/**
 * Reads a blob while it is still being downloaded: the file is the buffer between network and disk, so a slow
 * unpacking never grows the daemon's memory and a slow network never holds a thread.
 */
export class BlobTail {
  readonly #kernel: Kernel;
  readonly #fd: Fd;
  readonly #buffer = new Uint8Array(pieceBytes);
  #available = 0;
  #final = false;
  #read = 0;
  #wake: (() => void) | undefined;

  constructor(kernel: Kernel, fd: Fd) {
    this.#kernel = kernel;
    this.#fd = fd;
  }

  get readBytes(): number {
    return this.#read;
  }

  advance(availableBytes: number, final: boolean): void {
    this.#available = availableBytes;
    this.#final = final;
    this.#wake?.();
  }

  /**
   * Ends when a final `advance` has been read; throws the signal's reason when it aborts. A piece is overwritten by the next.
   */
  async *pieces(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake);
    try {
      while (true) {
        signal.throwIfAborted();
        if (this.#read < this.#available) {
          const wanted = Math.min(pieceBytes, this.#available - this.#read);
          const count = this.#kernel.read(this.#fd, this.#buffer.subarray(0, wanted));
          if (count === 0) throw damagedLayer("the stored blob is shorter than it was");
          this.#read += count;
          yield this.#buffer.subarray(0, count);
        } else if (this.#final) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }
}
