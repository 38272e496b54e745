import { describe, expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import { Broadcast } from "./broadcast.ts";

/** Subscribed when this returns: a generator starts with its first `next`. */
function reader(broadcast: Broadcast<number>, signal = new AbortController().signal) {
  const events = broadcast.subscribe(signal);
  return { events, first: events.next() };
}

describe("a subscriber", () => {
  test("that reads gets thousands of items, all and in order", async () => {
    const broadcast = new Broadcast<number>(4096);
    const abort = new AbortController();
    const { events, first } = reader(broadcast, abort.signal);
    const seen: number[] = [];
    const reading = (async () => {
      const start = await first;
      if (start.done !== true) seen.push(start.value);
      for await (const item of events) seen.push(item);
    })();
    for (let item = 1; item <= 20_000; item++) {
      broadcast.publish(item);
      if (item % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    abort.abort();
    await reading;
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, index) => index + 1));
    expect(broadcast.subscribers).toBe(0);
  });

  test("that never reads holds at most the limit, then nothing, and is told when it reads on", async () => {
    const broadcast = new Broadcast<number>(100);
    const { events, first } = reader(broadcast);
    broadcast.publish(0);
    expect(await first).toEqual({ done: false, value: 0 });
    for (let item = 1; item <= 100; item++) broadcast.publish(item);
    expect(broadcast.held).toBe(100);
    for (let item = 101; item <= 5000; item++) broadcast.publish(item);
    expect(broadcast.held).toBe(0);
    const error = await events.next().catch((reason: unknown) => reason);
    expect(CribError.is(error, "resource-exhausted")).toBe(true);
    expect(String(error)).toContain("list everything and connect again");
    expect(broadcast.subscribers).toBe(0);
  });

  test("that lags does not hold up or rob another", async () => {
    const broadcast = new Broadcast<number>(10);
    const slow = reader(broadcast);
    const quick = reader(broadcast);
    broadcast.publish(0);
    await Promise.all([slow.first, quick.first]);
    for (let item = 1; item <= 50; item++) {
      broadcast.publish(item);
      expect(await quick.events.next()).toEqual({ done: false, value: item });
    }
    expect(broadcast.held).toBe(0);
    expect(await slow.events.next().catch(() => "lost")).toBe("lost");
    await quick.events.return(undefined);
  });

  test("gets what was waiting before its end", async () => {
    const broadcast = new Broadcast<number>(10);
    const abort = new AbortController();
    const { events, first } = reader(broadcast, abort.signal);
    broadcast.publish(1);
    await first;
    broadcast.publish(2);
    abort.abort();
    broadcast.publish(3);
    expect(await Array.fromAsync(events)).toEqual([2]);
  });

  test("that comes too late gets nothing", async () => {
    const broadcast = new Broadcast<number>(10);
    broadcast.publish(1);
    expect(await Array.fromAsync(broadcast.subscribe(AbortSignal.abort()))).toEqual([]);
  });
});
