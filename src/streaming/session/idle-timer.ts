import type { Clock } from "../../observe/clock.ts";

/** Calls `onIdle` when nothing has touched it for `limitMs`. One timer, however often it is touched. */
export class IdleTimer implements Disposable {
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly #ended = new AbortController();
  #lastMs: number;

  constructor(clock: Pick<Clock, "monotonicMs" | "sleep">, limitMs: number, onIdle: () => void) {
    this.#clock = clock;
    this.#lastMs = clock.monotonicMs();
    void this.#watch(limitMs, onIdle);
  }

  touch(): void {
    this.#lastMs = this.#clock.monotonicMs();
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async #watch(limitMs: number, onIdle: () => void): Promise<void> {
    for (;;) {
      const leftMs = this.#lastMs + limitMs - this.#clock.monotonicMs();
      if (leftMs <= 0) break;
      if (!(await this.#clock.sleep(leftMs, this.#ended.signal))) return;
    }
    onIdle();
  }
}
