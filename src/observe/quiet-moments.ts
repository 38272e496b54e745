import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** Fewer RPCs than this leave nothing worth the pause: with a kubelet that only looks, two minutes. */
const minRpcs = 256;
/** So many bytes through a live session leave behind about what an RPC does. */
const bytesLikeAnRpc = 256 * 1024;
/** A kubelet with nothing to do still asks every second; between its questions there is this much silence. */
const quietMs = 300;

/**
 * Finds the moments in which no client waits for an answer and no live session moves data, to give memory back in them.
 *
 *     idle ── minRpcs, or as many bytes ──▶ watching ── quietMs of silence ──▶ onQuiet, idle
 */
export class QuietMoments implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onQuiet: () => void | Promise<void>;
  readonly #closed = new AbortController();
  #underWay = 0;
  /** In RPCs. */
  #done = 0;
  #changes = 0;
  #watching = false;

  constructor(clock: Clock, log: Log, onQuiet: () => void | Promise<void>) {
    this.#clock = clock;
    this.#log = log;
    this.#onQuiet = onQuiet;
  }

  /** There is something to give back, whatever was asked since: what a start needed. */
  expect(): void {
    this.#done = Math.max(this.#done, minRpcs);
    this.#count(0);
  }

  begin(): void {
    this.#underWay += 1;
    this.#changes += 1;
  }

  end(): void {
    this.#underWay -= 1;
    this.#count(1);
  }

  /** Bytes of a session that was under way before and goes on. */
  moved(bytes: number): void {
    this.#count(bytes / bytesLikeAnRpc);
  }

  #count(rpcs: number): void {
    this.#changes += 1;
    this.#done += rpcs;
    if (this.#done < minRpcs || this.#watching) return;
    this.#watching = true;
    this.#watch().catch((error: unknown) => this.#log.warn({ err: error }, "memory is not given back"));
  }

  async #watch(): Promise<void> {
    try {
      let seen: number;
      do {
        seen = this.#changes;
        if (!(await this.#clock.sleep(quietMs, this.#closed.signal))) return;
      } while (this.#underWay > 0 || this.#changes !== seen);
      this.#done = 0;
      await this.#onQuiet();
    } finally {
      this.#watching = false;
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
  }
}
