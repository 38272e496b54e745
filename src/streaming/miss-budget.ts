import type { Clock } from "../observe/clock.ts";

/** Wrong tokens answered one by one; our clients make none, save for a URL that waited for too long. */
const burst = 32;
const perSecond = 1;

/** How many wrong tokens are still answered with the plain truth. Right ones never wait for it. */
export class MissBudget {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #left = burst;
  #lastMs: number;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
    this.#lastMs = clock.monotonicMs();
  }

  /** False: too many. */
  spend(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#lastMs) / 1000) * perSecond);
    this.#lastMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
