import { deadlineExceeded } from "../../errors/crib-error.ts";
import type { Clock } from "../../observe/clock.ts";

/** Who wants the lock and for how long they wait. */
export interface LockRequest {
  /** What is done under the lock, as others are told who wait for it: "is being started". */
  readonly doing: string;
  readonly withinMs: number;
}

interface Holder {
  readonly doing: string;
  readonly sinceMs: number;
}

/**
 * Mutual exclusion per key: holders of one key run one after another in the order they asked, different keys do not meet.
 *
 * @example
 * using _held = await locks.acquire(containerId, { doing: "is being removed", withinMs: 10_000 });
 */
export class KeyedLocks {
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly #tails = new Map<string, Promise<void>>();
  readonly #holders = new Map<string, Holder>();

  constructor(clock: Pick<Clock, "monotonicMs" | "sleep">) {
    this.#clock = clock;
  }

  /** @throws {CribError} deadline-exceeded, which says who holds it and since when. */
  async acquire(key: string, { doing, withinMs }: LockRequest): Promise<Disposable> {
    const before = this.#tails.get(key);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, released);
    const leave = () => {
      if (this.#tails.get(key) === released) this.#tails.delete(key);
      release();
    };
    if (before !== undefined && !(await this.#inTime(before, withinMs))) {
      // Whoever waits behind still waits for the one before.
      void before.then(leave);
      throw this.#stillHeld(key, withinMs);
    }
    const holder: Holder = { doing, sinceMs: this.#clock.monotonicMs() };
    this.#holders.set(key, holder);
    return {
      [Symbol.dispose]: () => {
        if (this.#holders.get(key) === holder) this.#holders.delete(key);
        leave();
      },
    };
  }

  /** Keys held or waited for. */
  get size(): number {
    return this.#tails.size;
  }

  async #inTime(before: Promise<void>, withinMs: number): Promise<boolean> {
    const came = new AbortController();
    const over = this.#clock.sleep(withinMs, came.signal).then((passed) => !passed);
    const free = await Promise.race([before.then(() => true), over]);
    came.abort();
    return free;
  }

  #stillHeld(key: string, withinMs: number): Error {
    const holder = this.#holders.get(key);
    const why =
      holder === undefined
        ? "is busy"
        : `${holder.doing} since ${Math.round((this.#clock.monotonicMs() - holder.sinceMs) / 1000)} s`;
    return deadlineExceeded(`${key} ${why}: not waited for beyond ${withinMs / 1000} s; try again`);
  }
}
