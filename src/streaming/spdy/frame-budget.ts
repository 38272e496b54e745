import type { Clock } from "../../observe/clock.ts";
import type { Allowance } from "./spdy-limits.ts";

/** How many frames of a sort that costs more to answer than to send are still accepted. */
export class FrameBudget {
  readonly #allowance: Allowance;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #left: number;
  #refilledAtMs: number;

  constructor(allowance: Allowance, clock: Pick<Clock, "monotonicMs">) {
    this.#allowance = allowance;
    this.#clock = clock;
    this.#left = allowance.burst;
    this.#refilledAtMs = clock.monotonicMs();
  }

  /** False once the budget is gone: the connection is to be closed. */
  spend(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const refill = ((nowMs - this.#refilledAtMs) * this.#allowance.perSecond) / 1000;
    this.#left = Math.min(this.#allowance.burst, this.#left + refill) - 1;
    this.#refilledAtMs = nowMs;
    return this.#left >= 0;
  }
}
