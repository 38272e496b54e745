import { CribError } from "../../errors/crib-error.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { Patience } from "../../observe/patience.ts";
import { RateBudget } from "../../observe/rate-budget.ts";

/** What a process, a group or a namespace that ended between the record and the read fails with. */
const gone: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "ENODEV"]);

/**
 * Reads parts of an answer, each by itself: one that cannot be read (of a pod that stops, without descriptors, on a file system
 * that fails) is left out, the others are told.
 */
export class Tellable {
  readonly #log: Log;
  readonly #budget: RateBudget;
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(log: Log, clock: Pick<Clock, "monotonicMs">) {
    this.#log = log;
    this.#budget = new RateBudget({ burst: 10, perSecond: 0.1 }, clock);
  }

  /** undefined: it cannot be told. @param what for the log, with `id`. */
  read<Value>(what: string, id: string, read: () => Value): Value | undefined {
    try {
      return read();
    } catch (error) {
      this.#note(what, id, error);
      return undefined;
    }
  }

  /**
   * The same for what may take any time: it is read once for all who ask meanwhile, and nobody waits longer than their patience.
   * What a name of `what` stands for is always read by the same code, so that its values have one type.
   */
  async wait<Value>(
    what: string,
    id: string,
    patience: Patience,
    read: () => Promise<Value>,
  ): Promise<Value | undefined> {
    if (patience.isOver) return undefined;
    const key = `${what} ${id}`;
    const running = this.#running.get(key) ?? this.#begin(key, what, id, read);
    return (await patience.wait(running)) as Value | undefined;
  }

  #begin(key: string, what: string, id: string, read: () => Promise<unknown>): Promise<unknown> {
    const running = read()
      .catch((error: unknown) => this.#note(what, id, error))
      .finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }

  #note(what: string, id: string, error: unknown): void {
    if (isGone(error)) this.#log.debug({ what, id, error: String(error) }, "left out: it is gone");
    else if (this.#budget.spend()) this.#log.warn({ what, id, error: String(error) }, "left out: it cannot be read");
  }
}

function isGone(error: unknown): boolean {
  if (CribError.is(error, "not-found")) return true;
  if (!(error instanceof Error)) return false;
  const code: unknown = Reflect.get(error, "code");
  if (typeof code === "string" && gone.has(code)) return true;
  const errno: unknown = Reflect.get(error, "errno");
  return errno === 2 || errno === 3 || errno === 19;
}
