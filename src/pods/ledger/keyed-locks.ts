/**
 * Mutual exclusion per key: holders of one key run one after another in the order they asked, different keys do not meet.
 *
 * @example
 * using _held = await locks.acquire(containerId);
 */
export class KeyedLocks {
  readonly #tails = new Map<string, Promise<void>>();

  async acquire(key: string): Promise<Disposable> {
    const before = this.#tails.get(key);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, released);
    if (before !== undefined) await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#tails.get(key) === released) this.#tails.delete(key);
        release();
      },
    };
  }

  /** Keys held or waited for. */
  get size(): number {
    return this.#tails.size;
  }
}
