import type { UnixNanos } from "../ids/units.ts";
import type { Clock } from "./clock.ts";

/** The machine's clocks. */
export function createSystemClock(): Clock {
  let last = 0n;
  return {
    now() {
      // Milliseconds of the wall clock with the fraction of the monotonic one: Date.now alone has no finer steps.
      const wall = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
      const drifted = BigInt(Date.now()) * 1_000_000n;
      // timeOrigin is fixed at start: after the wall clock was set, only Date.now tells.
      const apart = wall > drifted ? wall - drifted : drifted - wall;
      const time = apart > 1_000_000_000n ? drifted : wall;
      last = time > last ? time : last + 1n;
      return last as UnixNanos;
    },
    monotonicMs: () => performance.now(),
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.resolve(false);
      return new Promise((resolve) => {
        const onAbort = () => {
          clearTimeout(timer);
          resolve(false);
        };
        const timer = setTimeout(() => {
          signal?.removeEventListener("abort", onAbort);
          resolve(true);
        }, ms);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
