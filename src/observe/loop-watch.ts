import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

const beatMs = 50;
/** A hold longer than this is logged: no single task may take so much of all clients' time at once. */
const heldMs = 100;
/** What an operation did in one step of at least that is told beside its name: a hold may be made of several. */
const toldStepMs = 20;
/** Operations named in one line of the log. */
const mostNamed = 8;

/** Of the thread that runs the event loop, since it began: its processor time, and how long it waited for a processor. */
export interface ThreadTimes {
  readonly ranMs: number;
  readonly waitedMs: number;
}

export interface LoopReport {
  /** How often the loop was held. */
  readonly held: number;
  readonly longestMs: number;
}

interface Operation {
  readonly name: string;
  readonly startedMs: number;
  endedMs: number | undefined;
  /** The longest it ran before it first waited for anything. */
  firstStepMs: number;
}

/**
 * Says which operation held the event loop: a beat that comes late tells for how long, the kernel how much of that the thread
 * waited for a processor on a busy machine (which is no task's fault and does not count), and how much of it it ran: the rest it
 * was blocked in a system call. Named are the operations that were under way then, those that ran through first.
 */
export class LoopWatch implements Disposable {
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly #log: Log;
  readonly #times: () => ThreadTimes;
  readonly #closed = new AbortController();
  readonly #underWay = new Set<Operation>();
  /** Over since the last beat. */
  #over: Operation[] = [];
  #started = false;
  #held = 0;
  #longestMs = 0;

  constructor(clock: Pick<Clock, "monotonicMs" | "sleep">, log: Log, times: () => ThreadTimes) {
    this.#clock = clock;
    this.#log = log;
    this.#times = times;
  }

  /** From here on; before, a daemon that starts has the loop for itself. */
  start(): void {
    this.#started = true;
    this.#beat().catch((error: unknown) => this.#log.warn({ err: error }, "the event loop is not watched any more"));
  }

  get report(): LoopReport {
    return { held: this.#held, longestMs: this.#longestMs };
  }

  /** Runs an operation under its name; what it does before it first waits is certainly its own. */
  async run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const startedMs = this.#clock.monotonicMs();
    const operation: Operation = { name, startedMs, endedMs: undefined, firstStepMs: 0 };
    this.#underWay.add(operation);
    try {
      const result = work();
      operation.firstStepMs = this.#clock.monotonicMs() - startedMs;
      return await result;
    } finally {
      operation.endedMs = this.#clock.monotonicMs();
      this.#underWay.delete(operation);
      if (this.#started) this.#over.push(operation);
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
  }

  async #beat(): Promise<void> {
    let before = this.#times();
    let dueMs = this.#clock.monotonicMs() + beatMs;
    while (await this.#clock.sleep(Math.max(dueMs - this.#clock.monotonicMs(), 1), this.#closed.signal)) {
      const nowMs = this.#clock.monotonicMs();
      const times = this.#times();
      const waitedMs = times.waitedMs - before.waitedMs;
      const lateMs = nowMs - dueMs - waitedMs;
      if (lateMs > heldMs) this.#tell(dueMs - beatMs, lateMs, times.ranMs - before.ranMs);
      this.#over = [];
      before = times;
      dueMs = nowMs + beatMs;
    }
  }

  #tell(sinceMs: number, lateMs: number, ranMs: number): void {
    this.#held += 1;
    this.#longestMs = Math.max(this.#longestMs, lateMs);
    const there = [...this.#over, ...this.#underWay].sort(
      (a, b) => b.firstStepMs - a.firstStepMs || b.startedMs - a.startedMs,
    );
    const named = there.map(({ name, firstStepMs, startedMs }) =>
      firstStepMs >= toldStepMs && startedMs >= sinceMs
        ? `${name} (${Math.round(firstStepMs)} ms before it waited)`
        : name,
    );
    this.#log.warn(
      {
        heldMs: Math.round(lateMs),
        ranMs: Math.round(ranMs),
        operations: [...new Set(named)].slice(0, mostNamed).join(", ") || "none of a client's",
      },
      "the event loop was held",
    );
  }
}
