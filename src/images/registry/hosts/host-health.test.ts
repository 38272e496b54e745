import { expect, test } from "bun:test";
import type { UnixNanos } from "../../../ids/units.ts";
import { HostHealth } from "./host-health.ts";

test("a failure is remembered for a while, longer each time, until the host works", () => {
  let nowMs = 0;
  const health = new HostHealth({
    now: () => 0n as UnixNanos,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(true),
  });
  const remembered = (): number => {
    const from = nowMs;
    while (health.failure("https://m") !== undefined) nowMs += 1000;
    return nowMs - from;
  };
  health.failed("https://m", "down");
  expect(health.failure("https://m")).toEqual({ origin: "https://m", why: "down" });
  expect(health.failure("https://other")).toBeUndefined();
  expect(remembered()).toBe(30_000);
  health.failed("https://m", "down");
  expect(remembered()).toBe(60_000);
  for (let i = 0; i < 10; i++) health.failed("https://m", "down");
  expect(remembered()).toBe(600_000);
  health.worked("https://m");
  health.failed("https://m", "down");
  expect(remembered()).toBe(30_000);
});

test("a thousand hosts are remembered, no more", () => {
  const health = new HostHealth({
    now: () => 0n as UnixNanos,
    monotonicMs: () => 0,
    sleep: () => Promise.resolve(true),
  });
  for (let i = 0; i < 1500; i++) {
    health.failed(`https://h${i}`, "x");
    health.lacksRanges(`https://h${i}`);
  }
  const known = Array.from({ length: 1500 }, (_unused, i) => health.failure(`https://h${i}`));
  expect(known.filter((failure) => failure !== undefined)).toHaveLength(1000);
  expect(known[1499]).toBeDefined();
});
