import { cancelled } from "../pull/shared-tasks.ts";

/** At most `slots` holders at a time, first come, first served. */
export class Semaphore {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  /** From now on there are so many more, or fewer: who holds one keeps it. */
  addSlots(more: number): void {
    this.#free += more;
    for (; this.#free > 0 && this.#queue.length > 0; this.#free--) this.#queue.shift()?.();
  }

  /** A slot, freed by dispose. @throws {CribError} cancelled when `signal` aborts first. */
  async acquire(signal: AbortSignal): Promise<Disposable> {
    if (signal.aborted) throw cancelled(signal);
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.addSlots(1);
      },
    };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const give = (): void => turn.resolve();
    const leave = (): void => {
      const place = this.#queue.indexOf(give);
      if (place === -1) return;
      this.#queue.splice(place, 1);
      turn.reject(cancelled(signal));
    };
    this.#queue.push(give);
    signal.addEventListener("abort", leave);
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
