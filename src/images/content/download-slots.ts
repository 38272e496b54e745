import { Semaphore } from "./semaphore.ts";

/** Downloads at a time: of one registry, so that a slow one leaves room for others, and in all. */
export class DownloadSlots {
  readonly #all: Semaphore;
  #inAll: number;
  #perRegistry: number;
  readonly #registries = new Map<string, { readonly slots: Semaphore; users: number }>();

  constructor(inAll: number, perRegistry: number) {
    this.#inAll = inAll;
    this.#all = new Semaphore(inAll);
    this.#perRegistry = perRegistry;
  }

  /** Downloads that are under way go on; fewer slots hold for those that come. */
  resize(inAll: number, perRegistry: number): void {
    this.#all.addSlots(inAll - this.#inAll);
    for (const { slots } of this.#registries.values()) slots.addSlots(perRegistry - this.#perRegistry);
    this.#inAll = inAll;
    this.#perRegistry = perRegistry;
  }

  /** A slot, freed by dispose. @throws {CribError} cancelled when `signal` aborts first. */
  async acquire(registry: string, signal: AbortSignal): Promise<Disposable> {
    const own = this.#registries.get(registry) ?? { slots: new Semaphore(this.#perRegistry), users: 0 };
    this.#registries.set(registry, own);
    own.users++;
    using stack = new DisposableStack();
    stack.defer(() => {
      own.users--;
      if (own.users === 0) this.#registries.delete(registry);
    });
    // The registry's first: who waits for that one must not hold one that others could use.
    stack.use(await own.slots.acquire(signal));
    stack.use(await this.#all.acquire(signal));
    return stack.move();
  }
}
