import type { Database } from "bun:sqlite";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import { commitWithoutSync } from "./commit-without-sync.ts";

/** Longer than a pod of a busy test lives; shorter than anybody needs to see that a machine will go down. */
const delayMs = 500;
/** Rows of one commit: 10 KiB each, so that a commit takes the event loop a millisecond. */
const rowsAtOnce = 8;

/** One row that is to be written, or to go. */
export interface PendingRow {
  write(): void;
  /** The database refused it, or another of its commit. */
  refused(): void;
}

/**
 * Rows of records that are safe in their state directories: written a moment later, several in one commit, and each as it is
 * then. Of a pod that comes and goes meanwhile the database hears nothing (docs/decisions/0103-rows-behind-their-files.md).
 */
export class WriteBehind implements Disposable {
  readonly #database: Database;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #log: Log;
  readonly #closed = new AbortController();
  readonly #rows = new Map<string, PendingRow>();
  #running = false;

  constructor(database: Database, clock: Pick<Clock, "sleep">, log: Log) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Of several for one key the last counts. */
  add(key: string, row: PendingRow): void {
    this.#rows.set(key, row);
    if (this.#running) return;
    this.#running = true;
    this.#writeSoon().catch((error: unknown) => this.#log.error({ err: error }, "records stay unwritten"));
  }

  /** It is written by somebody else, or not at all. */
  cancel(key: string): void {
    this.#rows.delete(key);
  }

  /** Writes what waits. */
  [Symbol.dispose](): void {
    this.#closed.abort();
    while (this.#rows.size > 0) this.#writeSome();
  }

  async #writeSoon(): Promise<void> {
    while (this.#rows.size > 0 && (await this.#clock.sleep(delayMs, this.#closed.signal))) {
      while (this.#rows.size > 0) {
        this.#writeSome();
        await new Promise<void>((resolve) => void setImmediate(resolve));
      }
    }
    this.#running = false;
  }

  #writeSome(): void {
    const some = [...this.#rows].slice(0, rowsAtOnce);
    for (const [key] of some) this.#rows.delete(key);
    const writeAll = this.#database.transaction(() => {
      for (const [, { write }] of some) write();
    });
    try {
      commitWithoutSync(this.#database, writeAll);
    } catch (error) {
      this.#log.warn(
        { rows: some.length, error: String(error) },
        "rows are refused by the database together: one by one",
      );
      for (const [, { refused }] of some) refused();
    }
  }
}
