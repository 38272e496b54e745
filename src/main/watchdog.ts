import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";

/** As systemd sets them (sd_watchdog_enabled(3)). */
export interface WatchdogVariables {
  readonly usec: string | undefined;
  /** Whom it watches; undefined: whoever reads it. */
  readonly pid: string | undefined;
}

/**
 * Tells systemd in time that the daemon lives: three times in the span after which it would be killed and started again.
 *
 * It is the event loop that tells, so what is watched is that it turns. Whoever holds it (a call that never returns) is ended, and
 * the daemon that comes after finds its pods as they were.
 */
export function startWatchdog(
  { usec, pid }: WatchdogVariables,
  host: {
    readonly pid: number;
    readonly clock: Pick<Clock, "sleep">;
    readonly log: Log;
    readonly notify: (state: string) => void;
  },
): Disposable {
  const closed = new AbortController();
  const stop = { [Symbol.dispose]: () => closed.abort() };
  const spanMs = Number(usec ?? "") / 1000;
  const isForUs = pid === undefined || Number(pid) === host.pid;
  if (!isForUs || !Number.isFinite(spanMs) || spanMs <= 0) return stop;
  const tell = async (): Promise<void> => {
    do host.notify("WATCHDOG=1");
    while (await host.clock.sleep(spanMs / 3, closed.signal));
  };
  tell().catch((err: unknown) => host.log.error({ err }, "the watchdog is not told any more that the daemon lives"));
  return stop;
}
