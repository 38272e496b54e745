import type { ChainId, Digest } from "../../ids/digest.ts";

/** What pulls under way have decided to use, and no removal may take from under them. */
export class Pins {
  readonly #counts = new Map<Digest | ChainId, number>();

  has(item: Digest | ChainId): boolean {
    return this.#counts.has(item);
  }

  /** Pins until dispose. */
  pin(items: readonly (Digest | ChainId)[]): Disposable {
    for (const item of items) this.#counts.set(item, (this.#counts.get(item) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        for (const item of items) {
          const count = (this.#counts.get(item) ?? 1) - 1;
          if (count === 0) this.#counts.delete(item);
          else this.#counts.set(item, count);
        }
      },
    };
  }
}
