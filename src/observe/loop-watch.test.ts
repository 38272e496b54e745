import { expect, setDefaultTimeout, test } from "bun:test";
import type { Log } from "./log.ts";
import { LoopWatch } from "./loop-watch.ts";
import { createSystemClock } from "./system-clock.ts";
import { threadTimes } from "./thread-times.ts";

// What is held is processor time: on a busy machine that takes a while.
setDefaultTimeout(60_000);

function bed(times = threadTimes) {
  const told: Readonly<Record<string, unknown>>[] = [];
  const ignore = () => undefined;
  const log: Log = { debug: ignore, info: ignore, warn: (fields) => void told.push(fields), error: ignore };
  const watch = new LoopWatch(createSystemClock(), log, times);
  watch.start();
  return { told, watch };
}

/** Until the next beats are over. */
const beats = () => new Promise((resolve) => setTimeout(resolve, 120));

function hold(ms: number): void {
  const until = threadTimes().ranMs + ms;
  while (threadTimes().ranMs < until);
}

test("LoopWatch names the operation that held the loop, and counts it", async () => {
  const { told, watch } = bed();
  using _watch = watch;
  await beats();
  await Promise.all([
    watch.run("Status", async () => undefined),
    watch.run("CreateContainer", async () => hold(200)),
    watch.run("ListContainers", async () => undefined),
  ]);
  await beats();
  expect(told).toHaveLength(1);
  expect(String(told[0]?.["operations"])).toMatch(/^CreateContainer \(\d+ ms before it waited\)/);
  expect(watch.report.held).toBe(1);
  expect(watch.report.longestMs).toBeGreaterThan(150);
});

test("LoopWatch names what was under way when the loop was held after a wait", async () => {
  const { told, watch } = bed();
  using _watch = watch;
  await watch.run("StopPodSandbox", async () => {
    await beats();
    hold(200);
  });
  await beats();
  expect(told.map(({ operations }) => operations)).toEqual(["StopPodSandbox"]);
});

test("LoopWatch does not blame anybody for a machine whose processors are all busy", async () => {
  let waitedMs = 0;
  const { told, watch } = bed(() => ({ ranMs: 0, waitedMs }));
  using _watch = watch;
  await beats();
  hold(200);
  waitedMs += 100_000;
  await beats();
  expect(told).toEqual([]);
  expect(watch.report).toEqual({ held: 0, longestMs: 0 });
});
