import { CribError } from "../../errors/crib-error.ts";

interface Task<Result, Event> {
  readonly abort: AbortController;
  readonly listeners: Set<(event: Event) => void>;
  readonly result: Promise<Result>;
  lastEvent: Event | undefined;
  waiters: number;
}

type Start<Result, Event> = (signal: AbortSignal, emit: (event: Event) => void) => Promise<Result>;

/**
 * Work done once however many ask for it at the same time. Everyone gets the events and the result; one who gives up
 * just leaves, and when the last has left the work is aborted.
 */
export class SharedTasks<Key extends string, Result, Event> {
  readonly #tasks = new Map<Key, Task<Result, Event>>();
  readonly #joinersRetry: boolean;

  /**
   * @param joinersRetry whether one who joined another's work and sees it fail tries once more: the other may have had
   * other credentials or another mirror.
   */
  constructor({ joinersRetry }: { readonly joinersRetry: boolean }) {
    this.#joinersRetry = joinersRetry;
  }

  /** Whether someone is working on `key` now. */
  has(key: Key): boolean {
    return this.#tasks.has(key);
  }

  /**
   * Joins the work on `key`, or starts it.
   * @throws the work's failure, or `cancelled` as soon as `signal` aborts.
   */
  async run(
    key: Key,
    signal: AbortSignal,
    start: Start<Result, Event>,
    listen: (event: Event) => void,
  ): Promise<Result> {
    const joined = this.#tasks.get(key);
    if (joined === undefined) return await this.#wait(this.#start(key, start), signal, listen);
    if (!joined.abort.signal.aborted) {
      try {
        return await this.#wait(joined, signal, listen);
      } catch (error) {
        if (signal.aborted || !this.#joinersRetry) throw error;
      }
    }
    // A task being aborted still owns files under this key: wait until it has let go.
    await joined.result.catch(() => undefined);
    return await this.#wait(this.#tasks.get(key) ?? this.#start(key, start), signal, listen);
  }

  #start(key: Key, start: Start<Result, Event>): Task<Result, Event> {
    const abort = new AbortController();
    const listeners = new Set<(event: Event) => void>();
    const emit = (event: Event): void => {
      task.lastEvent = event;
      for (const listener of listeners) listener(event);
    };
    const result = Promise.resolve()
      .then(() => start(abort.signal, emit))
      .finally(() => {
        if (this.#tasks.get(key) === task) this.#tasks.delete(key);
      });
    const task: Task<Result, Event> = { abort, listeners, result, lastEvent: undefined, waiters: 0 };
    // Waiters report failures; a task they all left must not become an unhandled one.
    result.catch(() => undefined);
    this.#tasks.set(key, task);
    return task;
  }

  async #wait(task: Task<Result, Event>, signal: AbortSignal, listen: (event: Event) => void): Promise<Result> {
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(cancelled(signal));
    if (signal.aborted) throw cancelled(signal);
    task.waiters++;
    task.listeners.add(listen);
    if (task.lastEvent !== undefined) listen(task.lastEvent);
    signal.addEventListener("abort", leave);
    try {
      return await Promise.race([task.result, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      task.listeners.delete(listen);
      task.waiters--;
      if (task.waiters === 0) task.abort.abort(new CribError("cancelled", "nobody waits for this any more"));
    }
  }
}

/** The signal's own reason when it is one of ours, a plain `cancelled` otherwise. */
export function cancelled(signal: AbortSignal): CribError {
  return signal.reason instanceof CribError
    ? signal.reason
    : new CribError("cancelled", "the pull was cancelled", { cause: signal.reason });
}
