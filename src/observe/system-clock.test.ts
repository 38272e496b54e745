import { describe, expect, test } from "bun:test";
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
