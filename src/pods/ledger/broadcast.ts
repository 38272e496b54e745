import { CribError } from "../../errors/crib-error.ts";

/**
 * Hands every item to every live subscriber, in order.
 *
 * A subscriber holds at most `limit` items it has not read. One that lags further behind loses all of them at once and is told
 * so by an error when it reads on; until then it costs nothing but its entry here.
 */
export class Broadcast<Item> {
  readonly #limit: number;
  readonly #subscribers = new Set<Subscriber<Item>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Items held for subscribers that have not read them yet. */
  get held(): number {
    return this.#subscribers.values().reduce((sum, { held }) => sum + held, 0);
  }

  publish(item: Item): void {
    for (const subscriber of this.#subscribers) subscriber.push(item);
  }

  /** Live from the first call of `next` on; ends with `signal`. @throws {CribError} resource-exhausted: too far behind. */
  async *subscribe(signal: AbortSignal): AsyncGenerator<Item> {
    const subscriber = new Subscriber<Item>(this.#limit);
    const end = () => subscriber.end();
    signal.addEventListener("abort", end, { once: true });
    this.#subscribers.add(subscriber);
    try {
      if (signal.aborted) return;
      yield* subscriber.drain();
    } finally {
      this.#subscribers.delete(subscriber);
      signal.removeEventListener("abort", end);
    }
  }
}

class Subscriber<Item> {
  readonly #limit: number;
  #queue: Item[] = [];
  #state: "live" | "ended" | "lost" = "live";
  #wake: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get held(): number {
    return this.#queue.length;
  }

  push(item: Item): void {
    if (this.#state !== "live") return;
    if (this.#queue.length >= this.#limit) {
      this.#state = "lost";
      this.#queue = [];
    } else {
      this.#queue.push(item);
    }
    this.#wake?.();
  }

  end(): void {
    if (this.#state === "live") this.#state = "ended";
    this.#wake?.();
  }

  async *drain(): AsyncGenerator<Item> {
    for (;;) {
      for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) yield item;
      if (this.#state === "ended") return;
      if (this.#state === "lost") {
        const why = `more than ${this.#limit} events were waiting to be read: list everything and connect again`;
        throw new CribError("resource-exhausted", why);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
  }
}
