import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";

/** Failures nobody caught within `windowMs` that a process may survive; one more and it ends. */
const tolerated = 20;
const windowMs = 60_000;

/**
 * What to do about a failure that no handler caught: log it and go on, for a while.
 *
 * One lost promise must not take every RPC of the node down with it. But a process that fails all the time is broken in a
 * way that going on does not mend; it ends, systemd starts it again, and recovery finds every pod (they do not notice).
 */
export function crashGuard(
  log: Log,
  clock: Pick<Clock, "monotonicMs">,
  exit: (code: number) => void,
): (error: unknown, kind: string) => void {
  let timesMs: number[] = [];
  return (error, kind) => {
    const nowMs = clock.monotonicMs();
    timesMs = [...timesMs.filter((timeMs) => nowMs - timeMs < windowMs), nowMs];
    log.error({ err: error, kind, withinLastMinute: timesMs.length }, "uncaught failure");
    if (timesMs.length > tolerated) {
      log.error({ kind }, "too many uncaught failures: ending, to be started anew");
      exit(70);
    }
  };
}
