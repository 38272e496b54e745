import { expect, test } from "bun:test";
import { WritableTotals } from "./writable-totals.ts";

const ignore = (): void => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

test("WritableTotals waits once, then answers at once and renews behind", async () => {
  let nowMs = 0;
  let measured = 0n;
  let gate = Promise.resolve();
  const totals = new WritableTotals(
    async () => {
      await gate;
      measured += 1n;
      return { usedBytes: measured, usedInodes: 0n };
    },
    { monotonicMs: () => nowMs },
    log,
  );
  const [first, second] = await Promise.all([totals.current(), totals.current()]);
  expect([first.usedBytes, second.usedBytes]).toEqual([1n, 1n]);
  nowMs = 9_999;
  expect((await totals.current()).usedBytes).toBe(1n);
  nowMs = 10_000;
  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  expect((await totals.current()).usedBytes).toBe(1n);
  expect((await totals.current()).usedBytes).toBe(1n);
  resolve();
  await Bun.sleep(0);
  expect((await totals.current()).usedBytes).toBe(2n);
});

test("WritableTotals keeps the last sum when a later look fails", async () => {
  let nowMs = 0;
  let fails = false;
  const totals = new WritableTotals(
    () => (fails ? Promise.reject(new Error("gone")) : Promise.resolve({ usedBytes: 5n, usedInodes: 1n })),
    { monotonicMs: () => nowMs },
    log,
  );
  await totals.current();
  fails = true;
  nowMs = 60_000;
  expect((await totals.current()).usedBytes).toBe(5n);
  expect((await totals.current()).usedBytes).toBe(5n);
});
