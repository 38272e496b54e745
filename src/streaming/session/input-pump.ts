import { type headroomBytes, InputBlocks } from "./input-blocks.ts";

/** Where a pump's bytes go. */
export interface PumpTarget {
  /**
   * Resolves when the bytes are taken, rejects when nothing will be any more. Called one at a time. Before `bytes` there are
   * {@link headroomBytes} of memory that may be written to.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** After the last write. A rejection means that it is closed already. */
  end(): Promise<void>;
  /** True: more waits than should; false: it has been written. */
  hold(full: boolean): void;
}

const highWaterBytes = 384 * 1024;
/** More than is written at once: the client goes on sending while the target still takes the last of it. */
const lowWaterBytes = 256 * 1024;

/**
 * What a client sends, on its way to a process or a connection that takes it at its own pace. When the target is closed the
 * rest is read and dropped: a command that ends its input goes on, and so does everything else on the client's connection.
 */
export class InputPump {
  readonly #target: PumpTarget;
  readonly #blocks = new InputBlocks();
  #held = false;
  #ending = false;
  #running = false;
  #closed = false;

  constructor(target: PumpTarget) {
    this.#target = target;
  }

  /** Copies `bytes`. */
  push(bytes: Uint8Array): void {
    if (this.#closed || this.#ending || bytes.length === 0) return;
    this.#blocks.add(bytes);
    this.#updateHold();
    this.#start();
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#start();
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#blocks.clear();
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#run().catch(() => {
      this.close();
      this.#updateHold();
    });
  }

  async #run(): Promise<void> {
    for (let next = this.#blocks.take(); next !== undefined; next = this.#blocks.take()) {
      await this.#target.write(next);
      if (this.#closed) return;
      this.#blocks.written();
      this.#updateHold();
    }
    this.#running = false;
    if (this.#ending) {
      this.#closed = true;
      await this.#target.end();
    }
  }

  #updateHold(): void {
    const waiting = this.#blocks.bytes;
    const full = this.#held ? waiting > lowWaterBytes : waiting > highWaterBytes;
    if (full === this.#held) return;
    this.#held = full;
    this.#target.hold(full);
  }
}
