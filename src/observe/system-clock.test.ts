import { describe, expect, setSystemTime, test } from "bun:test";
import { createSystemClock } from "./system-clock.ts";

describe("createSystemClock()", () => {
  test("now() is strictly increasing and near the wall clock", () => {
    const clock = createSystemClock();
    let last = 0n;
    for (let i = 0; i < 10_000; i += 1) {
      const now = clock.now();
      expect(now > last).toBe(true);
      last = now;
    }
    expect(Math.abs(Number(last / 1_000_000n) - Date.now())).toBeLessThan(5);
    // Finer than Date.now: ten thousand readings take a few milliseconds and are not one nanosecond apart each.
    expect(last % 1_000_000n).toBeGreaterThan(0n);
  });

  test.each([-600_000, 600_000, -Date.now(), 10 * 365 * 86_400_000])(
    "F15: a wall clock that jumps by %d ms takes no creation time back and no wait with it",
    async (byMs) => {
      const clock = createSystemClock();
      const before = clock.now();
      const beforeMs = clock.monotonicMs();
      setSystemTime(new Date(Date.now() + byMs));
      try {
        const times = Array.from({ length: 1000 }, () => clock.now());
        expect(times.every((time, index) => time > (times[index - 1] ?? before))).toBe(true);
        expect(clock.monotonicMs() - beforeMs).toBeLessThan(5_000);
        expect(await clock.sleep(1)).toBe(true);
      } finally {
        setSystemTime();
      }
      expect(clock.now() > before).toBe(true);
    },
  );

  test.each([2 ** 31, 2 ** 53, Number.MAX_VALUE])("sleep() of %d ms is not over at once", async (ms) => {
    const clock = createSystemClock();
    const sleeping = clock.sleep(ms, AbortSignal.timeout(50));
    expect(await sleeping).toBe(false);
  });

  test("sleep() of more than a timer holds takes as long as was asked", async () => {
    const clock = createSystemClock(10);
    const start = clock.monotonicMs();
    expect(await clock.sleep(45)).toBe(true);
    expect(clock.monotonicMs() - start).toBeGreaterThan(44);
  });

  test("sleep() tells whether the time passed", async () => {
    const clock = createSystemClock();
    expect(await clock.sleep(1)).toBe(true);
    expect(await clock.sleep(60_000, AbortSignal.abort())).toBe(false);
    const controller = new AbortController();
    const sleeping = clock.sleep(60_000, controller.signal);
    controller.abort();
    expect(await sleeping).toBe(false);
  });
});
