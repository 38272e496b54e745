import type { UnixNanos } from "../ids/units.ts";
import type { Clock } from "./clock.ts";

/** A timer of more fires at once, and an ExecSync may name any number of seconds. */
const longest = 2 ** 31 - 1;

/** The machine's clocks. @param longestTimerMs what one timer holds. */
export function createSystemClock(longestTimerMs = longest): Clock {
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
        let leftMs = ms;
        const wait = (): ReturnType<typeof setTimeout> => {
          const nextMs = Math.min(leftMs, longestTimerMs);
          leftMs -= nextMs;
          return setTimeout(() => {
            if (leftMs > 0) {
              timer = wait();
              return;
            }
            signal?.removeEventListener("abort", onAbort);
            resolve(true);
          }, nextMs);
        };
        let timer = wait();
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
