import type { UnixNanos } from "../ids/units.ts";
import type { Clock } from "./clock.ts";

/** The machine's clocks. */
export function createSystemClock(): Clock {
  let last = 0n;
  let anchorMs = performance.timeOrigin;
  return {
    now() {
      // Date.now steps by milliseconds; the monotonic clock gives the fraction as long as both agree on the millisecond.
      const wallMs = Date.now();
      const apartMs = anchorMs + performance.now() - wallMs;
      if (apartMs < 0 || apartMs >= 1) anchorMs = wallMs - performance.now();
      const time =
        BigInt(wallMs) * 1_000_000n + BigInt(Math.floor((anchorMs + performance.now() - wallMs) * 1_000_000));
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
