import type { Clock } from "../../observe/clock.ts";

/** Waits, after `bytes` were read, for as long as a reader that has time should. */
export type Pace = (bytes: number) => Promise<void>;

/** As fast as the disk, but it ends when its caller ends. */
export function atOnce(signal: AbortSignal): Pace {
  return async () => signal.throwIfAborted();
}

/** No more than `bytesPerSecond` on average. @throws the signal's reason once it aborts. */
export function atRate(bytesPerSecond: number, clock: Clock, signal: AbortSignal): Pace {
  return async (bytes) => {
    if (!(await clock.sleep((bytes * 1000) / bytesPerSecond, signal))) signal.throwIfAborted();
  };
}
