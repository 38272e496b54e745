import type { ContainerId } from "../../ids/object-id.ts";
import type { Clock } from "../../observe/clock.ts";

/** Lets a stop wait for the exit that the monitor reports and `handle-exit.ts` records. */
export class ExitWatch {
  readonly #clock: Clock;
  readonly #waiters = new Map<ContainerId, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called after the exit is recorded. */
  notify(id: ContainerId): void {
    const waiters = this.#waiters.get(id);
    this.#waiters.delete(id);
    for (const wake of waiters ?? []) wake();
  }

  /**
   * Starts to wait at once, so that an exit between this call and the await is not missed.
   * @returns true when the exit came within `timeoutMs`.
   */
  wait(id: ContainerId, timeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = new AbortController();
    const wake = () => {
      timer.abort();
      resolve(true);
    };
    let waiters = this.#waiters.get(id);
    if (waiters === undefined) {
      waiters = new Set();
      this.#waiters.set(id, waiters);
    }
    waiters.add(wake);
    void this.#clock.sleep(timeoutMs, timer.signal).then((passed) => {
      if (!passed) return;
      this.#forget(id, wake);
      resolve(false);
    });
    return promise;
  }

  #forget(id: ContainerId, wake: () => void): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(wake);
    if (waiters?.size === 0) this.#waiters.delete(id);
  }
}
