import type { Clock } from "../observe/clock.ts";

/** Resets a connection may make at once, and how many a second it gets back. A kubelet that cancels all its probes stays far below. */
const burst = 1000;
const perSecond = 100;

/**
 * How many streams one connection may still cancel.
 *
 * Bun 1.4.5 has a limit of its own (1000 resets); this one holds on any later version, and refills.
 */
export class ResetBudget {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #left = burst;
  #refilledAtMs: number;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
    this.#refilledAtMs = clock.monotonicMs();
  }

  /** False once the budget is gone: the connection is to be closed. */
  spend(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#refilledAtMs) * perSecond) / 1000);
    this.#refilledAtMs = nowMs;
    this.#left -= 1;
    return this.#left >= 0;
  }
}
