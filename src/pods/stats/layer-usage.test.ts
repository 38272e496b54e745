import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "../../../tests/fixtures/fake-clock.ts";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { silentLog } from "../../../tests/fixtures/silent-log.ts";
import { parseHostPath } from "../../ids/path.ts";
import { LayerUsage } from "./layer-usage.ts";
import type { TreeUsage } from "./measure-tree.ts";

const record = () => fakeContainer(fakeSandbox());

function bed() {
  const clock = createFakeClock();
  const scans: PromiseWithResolvers<TreeUsage>[] = [];
  const usage = new LayerUsage(
    () => {
      const scan = Promise.withResolvers<TreeUsage>();
      scans.push(scan);
      return scan.promise;
    },
    clock,
    silentLog,
  );
  const finish = async (index: number, bytes: bigint, complete = true) => {
    await clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
    scans[index]?.resolve({ usedBytes: bytes, inodesUsed: 1n, complete });
    await clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, scans, usage, finish };
}

test("LayerUsage shares one scan between all who ask, and reuses it for ten seconds", async () => {
  const { clock, scans, usage, finish } = bed();
  const container = record();
  const asked = [usage.of(container), usage.of(container), usage.of(container)];
  await finish(0, 5n);
  expect((await Promise.all(asked)).map((found) => found?.usedBytes)).toEqual([5n, 5n, 5n]);
  await clock.advance(9_000);
  await usage.of(container);
  expect(scans).toHaveLength(1);
  await clock.advance(2_000);
  const again = usage.of(container);
  await clock.advance(0);
  expect(scans).toHaveLength(2);
  await finish(1, 6n);
  expect((await again)?.usedBytes).toBe(6n);
  expect(clock.sleepers).toBe(0);
});

test("N2: a scan that never ends keeps nobody waiting: the last one is told with its own time", async () => {
  const { clock, usage, finish } = bed();
  const container = record();
  const first = usage.of(container);
  await finish(0, 5n);
  const measured = await first;
  await clock.advance(20_000);
  const later = usage.of(container);
  await clock.advance(60);
  expect(await later).toEqual(measured);
});

test("N2: a layer never scanned is left out soon", async () => {
  const { clock, usage } = bed();
  const asked = usage.of(record());
  await clock.advance(600);
  expect(await asked).toBeUndefined();
});

test("N2: scans do not pile up, and with all slots stuck nobody waits", async () => {
  const { clock, scans, usage } = bed();
  const stuck = [usage.of(record()), usage.of(record()), usage.of(record())];
  await clock.advance(600);
  await Promise.all(stuck);
  expect(scans).toHaveLength(2);
  for (let round = 0; round < 50; round++) expect(await usage.of(record())).toBeUndefined();
  expect(scans).toHaveLength(2);
});

test("N2: what takes long is scanned seldom, and after what is quick", async () => {
  const { clock, scans, usage, finish } = bed();
  const slow = record();
  const asked = usage.of(slow);
  await clock.advance(4_000);
  await finish(0, 1n);
  await asked;
  await clock.advance(30_000);
  await usage.of(slow);
  expect(scans).toHaveLength(1);
  await clock.advance(10_000);
  void usage.of(slow);
  await clock.advance(100);
  expect(scans).toHaveLength(2);
});

test("N2: a scan cut short never makes a layer smaller than it was", async () => {
  const { clock, usage, finish } = bed();
  const container = record();
  const first = usage.of(container);
  await finish(0, 500n);
  await first;
  await clock.advance(20_000);
  const second = usage.of(container);
  await finish(1, 3n, false);
  expect((await second)?.usedBytes).toBe(500n);
});

test("N2: what a container writes to the volumes of its image is not hidden", async () => {
  const directory = mkdtempSync(join(tmpdir(), "crib-usage-"));
  using _directory = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  mkdirSync(join(directory, "volumes"));
  const { usage, finish } = bed();
  const asked = usage.of({ ...record(), directory: parseHostPath(directory, "test") });
  await finish(0, 5n);
  await finish(1, 200n, false);
  expect(await asked).toMatchObject({ usedBytes: 205n, inodesUsed: 2n });
});
