/** Where a pump's bytes go. */
export interface PumpTarget {
  /** Resolves when the bytes are taken, rejects when nothing will be any more. Called one at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** After the last write. A rejection means that it is closed already. */
  end(): Promise<void>;
  /** True: more waits than should; false: it has been written. */
  hold(full: boolean): void;
}

const highWaterBytes = 256 * 1024;
const lowWaterBytes = 64 * 1024;

/**
 * What a client sends, on its way to a process or a connection that takes it at its own pace. When the target is closed the
 * rest is read and dropped: a command that ends its input goes on, and so does everything else on the client's connection.
 */
export class InputPump {
  readonly #target: PumpTarget;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #held = false;
  #ending = false;
  #running = false;
  #closed = false;

  constructor(target: PumpTarget) {
    this.#target = target;
  }

  push(bytes: Uint8Array): void {
    if (this.#closed || this.#ending || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
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
    this.#queue = [];
    this.#queuedBytes = 0;
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
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#target.write(next);
      // A close in the meantime has emptied the count already.
      if (this.#closed) return;
      this.#queuedBytes -= next.length;
      this.#updateHold();
    }
    this.#running = false;
    if (this.#ending) {
      this.#closed = true;
      await this.#target.end();
    }
  }

  #updateHold(): void {
    const full = this.#held ? this.#queuedBytes > lowWaterBytes : this.#queuedBytes > highWaterBytes;
    if (full === this.#held) return;
    this.#held = full;
    this.#target.hold(full);
  }
}
