import type { Clock } from "./clock.ts";

/**
 * Keeps long work from holding the event loop: between two pieces of it, `turn` gives everybody else theirs once the work
 * has run for `ms` without a pause.
 */
export class TimeSlice {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #ms: number;
  #startedMs: number;

  constructor(clock: Pick<Clock, "monotonicMs">, ms = 4) {
    this.#clock = clock;
    this.#ms = ms;
    this.#startedMs = clock.monotonicMs();
  }

  async turn(): Promise<void> {
    while (this.#clock.monotonicMs() - this.#startedMs >= this.#ms) {
      const ended = this.#startedMs;
      await new Promise<void>((resolve) => void setImmediate(resolve));
      // Of several that waited the first begins a new slice, and the others are in it.
      if (this.#startedMs === ended) this.#startedMs = this.#clock.monotonicMs();
    }
  }
}
