import type { Clock } from "./clock.ts";

/**
 * How long an answer waits for its parts, for all of them together: they are asked side by side, and what has not come by then is
 * left out. What is waited for goes on by itself, and is there for the next who asks.
 */
export class Patience {
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly #untilMs: number;

  constructor(clock: Pick<Clock, "monotonicMs" | "sleep">, ms: number) {
    this.#clock = clock;
    this.#untilMs = clock.monotonicMs() + ms;
  }

  /** Nothing more is to be begun for this answer. */
  get isOver(): boolean {
    return this.#clock.monotonicMs() >= this.#untilMs;
  }

  /** What `work` comes to, or undefined when that takes longer. @param mostMs that this part alone may take. */
  async wait<Value>(work: Promise<Value>, mostMs: number = Number.POSITIVE_INFINITY): Promise<Value | undefined> {
    const done = new AbortController();
    const leftMs = Math.max(this.#untilMs - this.#clock.monotonicMs(), 0);
    const over = this.#clock.sleep(Math.min(mostMs, leftMs), done.signal).then(() => undefined);
    try {
      return await Promise.race([work, over]);
    } finally {
      done.abort();
    }
  }
}
