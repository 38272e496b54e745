import type { SandboxId } from "../../../ids/object-id.ts";
import type { Clock } from "../../../observe/clock.ts";
import type { Log } from "../../../observe/log.ts";
import type { StepFailure } from "./step-failure.ts";

const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

interface Pending {
  failures: readonly StepFailure[];
  pauseMs: number;
  readonly ended: AbortController;
}

/** Pods of which a part could not be given back: what failed, for the verbose status, and another attempt with backoff. */
export class TeardownRetries implements Disposable {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #log: Log;
  readonly #pending = new Map<SandboxId, Pending>();

  constructor(clock: Pick<Clock, "sleep">, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The outcome of an attempt: `retry` makes the next one, which notes its own. */
  note(id: SandboxId, failures: readonly StepFailure[], retry: () => Promise<void>): void {
    const before = this.#pending.get(id);
    if (failures.length === 0) {
      this.forget(id);
      return;
    }
    for (const { step, error } of failures) {
      this.#log.error({ sandbox: id, step, error: error.message }, "a pod's part is not given back: tried again");
    }
    if (before !== undefined) {
      before.failures = failures;
      return;
    }
    const pending: Pending = { failures, pauseMs: firstPauseMs, ended: new AbortController() };
    this.#pending.set(id, pending);
    void this.#repeat(id, pending, retry);
  }

  failuresOf(id: SandboxId): readonly StepFailure[] {
    return this.#pending.get(id)?.failures ?? [];
  }

  /** Everything is given back, or nobody is to try any more. */
  forget(id: SandboxId): void {
    this.#pending.get(id)?.ended.abort();
    this.#pending.delete(id);
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#pending.keys()]) this.forget(id);
  }

  async #repeat(id: SandboxId, pending: Pending, retry: () => Promise<void>): Promise<void> {
    while (await this.#clock.sleep(pending.pauseMs, pending.ended.signal)) {
      pending.pauseMs = Math.min(2 * pending.pauseMs, longestPauseMs);
      try {
        await retry();
      } catch (error) {
        this.#log.warn({ sandbox: id, error: String(error) }, "giving a pod back is put off");
      }
    }
  }
}
