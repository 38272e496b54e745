import type { Clock } from "./clock.ts";

/** How many at once, and how many come back a second. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** How often a stranger may still do what costs us more than him. Refills with time. */
export class RateBudget {
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

  /** False: too often. */
  spend(): boolean {
    const { burst, perSecond } = this.#allowance;
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#refilledAtMs) * perSecond) / 1000);
    this.#refilledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
