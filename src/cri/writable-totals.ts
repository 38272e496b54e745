import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";

export interface WritableTotal {
  readonly usedBytes: bigint;
  readonly usedInodes: bigint;
}

/** The kubelet asks every ten seconds or less, crictl with every listing. */
const freshMs = 10_000;

/**
 * What all writable layers use together, without making anyone wait for it.
 *
 * Adding it up means looking at every file of every layer, which can take seconds. The first caller waits; later ones get
 * the last sum at once, and an old sum is renewed behind their backs.
 */
export class WritableTotals {
  readonly #measure: () => Promise<WritableTotal>;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #log: Log;
  #last: WritableTotal | undefined;
  #measuredAtMs = Number.NEGATIVE_INFINITY;
  #running: Promise<WritableTotal> | undefined;

  constructor(measure: () => Promise<WritableTotal>, clock: Pick<Clock, "monotonicMs">, log: Log) {
    this.#measure = measure;
    this.#clock = clock;
    this.#log = log;
  }

  async current(): Promise<WritableTotal> {
    if (this.#last === undefined) return await this.#renew();
    if (this.#clock.monotonicMs() - this.#measuredAtMs >= freshMs) {
      this.#renew().catch((error: unknown) => this.#log.warn({ err: error }, "usage of writable layers not measured"));
    }
    return this.#last;
  }

  #renew(): Promise<WritableTotal> {
    this.#running ??= this.#measure()
      .then((total) => {
        this.#last = total;
        this.#measuredAtMs = this.#clock.monotonicMs();
        return total;
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }
}
