import { timeFactor } from "../harness/time-factor.ts";

/** Longer than this no RPC on a healthy pod may take, but for the daemon's absence. */
const slowMs = 1_000;
/** Nor may anything hold the event loop longer. */
const heldLoopMs = 100;
/** Breaches told of one promise. */
const mostTold = 10;

/** What must hold whatever fails: each is one line of the result. */
export type Promised = "ended" | "slow" | "failed" | "loop" | "uncaught" | "left" | "faults";

const words: Readonly<Record<Promised, string>> = {
  ended: "no healthy container was ended",
  slow: `no RPC on a healthy pod took over ${slowMs} ms`,
  failed: "no RPC on a healthy pod failed or told what is wrong",
  loop: `the event loop was never held over ${heldLoopMs} ms`,
  uncaught: "nothing was uncaught",
  left: "nothing is left afterwards",
  faults: "every fault happened",
};

interface Slowest {
  readonly ms: number;
  readonly what: string;
}

/** What was seen of each promise, and everything that broke one. */
export class ChaosPromises {
  readonly #broken = new Map<Promised, string[]>();
  readonly #seen = new Map<Promised, string>();
  readonly #calls = new Map<string, number[]>();

  break(promise: Promised, how: string): void {
    const known = this.#broken.get(promise);
    if (known === undefined) this.#broken.set(promise, [how]);
    else known.push(how);
  }

  /** What the line of a promise tells beside whether it was kept. */
  tell(promise: Promised, what: string): void {
    this.#seen.set(promise, what);
  }

  /** @param when for what is told of one that took too long. */
  called(what: string, ms: number, when: string): void {
    const known = this.#calls.get(what);
    if (known === undefined) this.#calls.set(what, [ms]);
    else known.push(ms);
    if (ms > slowMs * timeFactor()) this.break("slow", `${what} took ${Math.round(ms)} ms, ${when}`);
  }

  get slowest(): Slowest {
    const all = [...this.#calls].map(([what, times]) => ({ what, ms: Math.max(...times) }));
    return all.reduce((most, one) => (one.ms > most.ms ? one : most), { what: "none", ms: 0 });
  }

  /** Every log line of the daemon that tells of a held loop or of something uncaught. */
  readLog(log: string): void {
    let [held, longest] = [0, 0];
    for (const line of log.split("\n")) {
      const heldMs = Number(/event loop was held heldMs=(\d+)/.exec(line)?.[1] ?? 0);
      if (heldMs > 0) held++;
      longest = Math.max(longest, heldMs);
      if (heldMs > heldLoopMs * timeFactor()) this.break("loop", line);
      if (line.includes("event loop is not watched")) this.break("loop", line);
      if (line.includes("uncaught")) this.break("uncaught", line);
    }
    this.tell("loop", `told ${held} times, longest ${longest} ms`);
  }

  /** A line for each promise, `kept` or `BROKEN`; and how each RPC on healthy pods did. */
  lines(): readonly string[] {
    const calls = [...this.#calls].map(([what, times]) => `${what} ${times.length} × ${quantiles(times)}`).join("; ");
    const { ms, what } = this.slowest;
    this.tell("slow", `slowest ${Math.round(ms)} ms, ${what}; p50/p99/most in ms: ${calls}`);
    const factor = timeFactor() === 1 ? "" : ` (bounds × ${timeFactor()}: CRIB_TEST_TIME_FACTOR)`;
    return (Object.keys(words) as Promised[]).flatMap((promise) => {
      const broken = this.#broken.get(promise) ?? [];
      const seen = this.#seen.get(promise);
      const verdict = `${broken.length === 0 ? "kept  " : "BROKEN"}  ${words[promise]}${seen === undefined ? "" : `: ${seen}`}${factor}`;
      const more = broken.length > mostTold ? [`          and ${broken.length - mostTold} more`] : [];
      return [verdict, ...broken.slice(0, mostTold).map((how) => `          ${how}`), ...more];
    });
  }

  get isKept(): boolean {
    return this.#broken.size === 0;
  }
}

function quantiles(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  return [0.5, 0.99, 1]
    .map((part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0))
    .join("/");
}
