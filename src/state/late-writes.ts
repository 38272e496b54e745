import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";

const firstPauseMs = 100;
const longestPauseMs = 5_000;

/**
 * Writes that the database refused (full, locked, an I/O error) of what has already happened: tried again until they succeed.
 * Of several for one key only the last counts.
 */
export class LateWrites implements Disposable {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #log: Log;
  readonly #closed = new AbortController();
  readonly #writes = new Map<string, () => void>();
  #running = false;

  constructor(clock: Pick<Clock, "sleep">, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  get size(): number {
    return this.#writes.size;
  }

  add(key: string, error: unknown, write: () => void): void {
    if (!this.#writes.has(key))
      this.#log.error({ record: key, error: String(error) }, "a record cannot be written to the database: tried again");
    this.#writes.set(key, write);
    if (this.#running) return;
    this.#running = true;
    this.#retry().catch((failure: unknown) => this.#log.error({ err: failure }, "records stay unwritten"));
  }

  /** The last try: what is still refused is in the state directory of its pod. */
  [Symbol.dispose](): void {
    this.#closed.abort();
    this.#tryAll();
  }

  async #retry(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (this.#writes.size > 0) {
      if (!(await this.#clock.sleep(pauseMs, this.#closed.signal))) break;
      this.#tryAll();
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
    this.#running = false;
  }

  #tryAll(): void {
    for (const [key, write] of [...this.#writes]) {
      try {
        write();
      } catch (error) {
        // A disk that refused one refuses the others; the log has been told.
        this.#log.debug({ record: key, error: String(error) }, "a record is still unwritten");
        return;
      }
      this.#writes.delete(key);
      this.#log.info({ record: key }, "a record was written late");
    }
  }
}
