/**
 * A queue between a fast writer and a slow reader that keeps the newest value of each key, in order of first arrival:
 * bounded by the number of keys, whatever the reader does.
 */
export class LatestByKey<Value> {
  #waiting = new Map<string, Value>();
  #ended = false;
  #wake: (() => void) | undefined;

  put(key: string, value: Value): void {
    this.#waiting.set(key, value);
    this.#wake?.();
  }

  /** The reader gets what is waiting, then its end. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *drain(): AsyncGenerator<Value> {
    for (;;) {
      const batch = this.#waiting;
      this.#waiting = new Map();
      yield* batch.values();
      if (this.#waiting.size > 0) continue;
      if (this.#ended) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
  }
}
