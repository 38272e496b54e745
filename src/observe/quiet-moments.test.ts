import { describe, expect, test } from "bun:test";
import { silentLog } from "../../tests/fixtures/silent-log.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { Clock } from "./clock.ts";
import { QuietMoments } from "./quiet-moments.ts";

/** A clock whose sleepers wake when the test says so. */
function handClock() {
  const sleepers: ((passed: boolean) => void)[] = [];
  const clock: Clock = {
    now: () => 0n as UnixNanos,
    monotonicMs: () => 0,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        sleepers.push(resolve);
        signal?.addEventListener("abort", () => resolve(false));
      }),
  };
  return {
    clock,
    sleeping: () => sleepers.length,
    /** Wakes everyone and lets what follows run. */
    async pass() {
      for (const wake of sleepers.splice(0)) wake(true);
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    },
  };
}

function answer(moments: QuietMoments, count: number): void {
  for (let index = 0; index < count; index++) {
    moments.begin();
    moments.end();
  }
}

describe("QuietMoments", () => {
  test("comes for what a start needed, but not while a client waits", async () => {
    const hand = handClock();
    let quiet = 0;
    using moments = new QuietMoments(hand.clock, silentLog, () => void quiet++);
    moments.begin();
    moments.expect();
    await hand.pass();
    expect(quiet).toBe(0);
    moments.end();
    await hand.pass();
    await hand.pass();
    expect(quiet).toBe(1);
    expect(hand.sleeping()).toBe(0);
  });

  test("comes once after many RPCs and a silence", async () => {
    const hand = handClock();
    let quiet = 0;
    using moments = new QuietMoments(hand.clock, silentLog, () => void quiet++);
    answer(moments, 600);
    await hand.pass();
    expect(quiet).toBe(0);
    await hand.pass();
    expect(quiet).toBe(1);
    await hand.pass();
    expect({ quiet, sleeping: hand.sleeping() }).toEqual({ quiet: 1, sleeping: 0 });
  });

  test("does not come after a few RPCs", async () => {
    const hand = handClock();
    let quiet = 0;
    using moments = new QuietMoments(hand.clock, silentLog, () => void quiet++);
    answer(moments, 255);
    expect(hand.sleeping()).toBe(0);
    answer(moments, 1);
    await hand.pass();
    expect(quiet).toBe(1);
  });

  test("waits while an RPC is under way or came meanwhile", async () => {
    const hand = handClock();
    let quiet = 0;
    using moments = new QuietMoments(hand.clock, silentLog, () => void quiet++);
    answer(moments, 256);
    moments.begin();
    await hand.pass();
    moments.end();
    await hand.pass();
    answer(moments, 1);
    await hand.pass();
    expect(quiet).toBe(0);
    await hand.pass();
    expect(quiet).toBe(1);
  });

  test("counts what live sessions move, and waits until they rest", async () => {
    const hand = handClock();
    let quiet = 0;
    using moments = new QuietMoments(hand.clock, silentLog, () => void quiet++);
    moments.moved(64 * 2 ** 20 - 1);
    expect(hand.sleeping()).toBe(0);
    moments.moved(1);
    moments.moved(1);
    await hand.pass();
    moments.moved(1);
    await hand.pass();
    expect(quiet).toBe(0);
    await hand.pass();
    expect(quiet).toBe(1);
  });

  test("stops watching when disposed of", async () => {
    const hand = handClock();
    let quiet = 0;
    const moments = new QuietMoments(hand.clock, silentLog, () => void quiet++);
    answer(moments, 256);
    moments[Symbol.dispose]();
    await hand.pass();
    expect(quiet).toBe(0);
  });
});
