import type { UnixNanos } from "../ids/units.ts";

/** Time as a parameter: `now` may jump with the wall clock, `monotonicMs` never goes back. */
export interface Clock {
  /** Strictly increasing within a process, so that two records never share a creation time. */
  now(): UnixNanos;
  monotonicMs(): number;
  /** Resolves after `ms`, or at once with false when `signal` aborts; true when the time passed. */
  sleep(ms: number, signal?: AbortSignal): Promise<boolean>;
}
