import { expect, test } from "bun:test";
import type { Log } from "../observe/log.ts";
import { startWatchdog } from "./watchdog.ts";

const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A clock whose sleeps end when they are told to. */
function bed() {
  const told: string[] = [];
  const spans: number[] = [];
  let wake = (_slept: boolean): void => undefined;
  const host = {
    pid: 77,
    log,
    notify: (state: string) => void told.push(state),
    clock: {
      sleep(ms: number, signal?: AbortSignal) {
        spans.push(ms);
        const { promise, resolve } = Promise.withResolvers<boolean>();
        wake = resolve;
        signal?.addEventListener("abort", () => resolve(false), { once: true });
        return promise;
      },
    },
  };
  return { told, spans, host, wake: () => wake(true) };
}

test("is told three times in its span, until the daemon stops", async () => {
  const { told, spans, host, wake } = bed();
  const watchdog = startWatchdog({ usec: "60000000", pid: "77" }, host);
  expect([told, spans]).toEqual([["WATCHDOG=1"], [20_000]]);
  wake();
  await Promise.resolve();
  await Promise.resolve();
  expect(told).toHaveLength(2);
  watchdog[Symbol.dispose]();
  await Promise.resolve();
  await Promise.resolve();
  expect([told.length, spans.length]).toEqual([2, 2]);
});

test("without a span, or for another process, nobody is told", () => {
  for (const variables of [
    { usec: undefined, pid: undefined },
    { usec: "", pid: undefined },
    { usec: "0", pid: undefined },
    { usec: "soon", pid: undefined },
    { usec: "60000000", pid: "78" },
  ]) {
    const { told, spans, host } = bed();
    startWatchdog(variables, host)[Symbol.dispose]();
    expect([told, spans]).toEqual([[], []]);
  }
});
