import { expect, test } from "bun:test";
import { createFakeClock } from "../../../tests/fixtures/fake-clock.ts";
import { fakeCgroupStats, fakeMeasurements } from "../../../tests/fixtures/fake-pods.ts";
import { parseCgroupPath } from "../../ids/path.ts";
import { Patience } from "../../observe/patience.ts";
import { CgroupReadings } from "./cgroup-readings.ts";

test("CgroupReadings reads once for those who ask at the same time, and tells the last when time is up", async () => {
  const clock = createFakeClock();
  let reads = 0;
  const stats = () => ({ ...fakeCgroupStats, timestampNs: clock.now(), pids: BigInt(++reads) });
  const accounting = () => {
    if (fakeMeasurements.accounting === undefined) throw new Error("the fake measures nothing");
    return fakeMeasurements.accounting;
  };
  const readings = new CgroupReadings({ stats, accounting }, clock, { read: (_what, _id, read) => read() });
  const path = parseCgroupPath("/crib/pod");
  const ask = (ms: number) => readings.stats("pod", path, new Patience(clock, ms))?.pids;

  expect([ask(400), ask(400), ask(0)]).toEqual([1n, 1n, 1n]);
  await clock.advance(100);
  expect([ask(0), ask(400), ask(0)]).toEqual([1n, 2n, 2n]);
  expect(readings.accounting("pod", path, new Patience(clock, 0))).toBeUndefined();
  readings.forget("pod");
  expect(ask(0)).toBeUndefined();
  expect(ask(400)).toBe(3n);
});
