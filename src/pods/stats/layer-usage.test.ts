import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "../../../tests/fixtures/fake-clock.ts";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { silentLog } from "../../../tests/fixtures/silent-log.ts";
import { parseHostPath } from "../../ids/path.ts";
import { Patience } from "../../observe/patience.ts";
import type { ContainerRecord } from "../../state/records.ts";
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
  const ask = (container: ContainerRecord) => usage.of(container, new Patience(clock, 1_000));
  return { clock, scans, ask, finish };
}

test("LayerUsage shares one scan between all who ask, and reuses it for ten seconds", async () => {
  const { clock, scans, ask, finish } = bed();
  const container = record();
  const asked = [ask(container), ask(container), ask(container)];
  await finish(0, 5n);
  expect((await Promise.all(asked)).map((found) => found?.usedBytes)).toEqual([5n, 5n, 5n]);
  await clock.advance(9_000);
  await ask(container);
  expect(scans).toHaveLength(1);
  await clock.advance(2_000);
  const again = ask(container);
  await clock.advance(0);
  expect(scans).toHaveLength(2);
  await finish(1, 6n);
  expect((await again)?.usedBytes).toBe(6n);
  expect(clock.sleepers).toBe(0);
});

test("N2: a scan that never ends keeps nobody waiting: the last one is told with its own time", async () => {
  const { clock, ask, finish } = bed();
  const container = record();
  const first = ask(container);
  await finish(0, 5n);
  const measured = await first;
  await clock.advance(20_000);
  const later = ask(container);
  await clock.advance(60);
  expect(await later).toEqual(measured);
});

test("N2: a layer never scanned is left out soon", async () => {
  const { clock, ask } = bed();
  const asked = ask(record());
  await clock.advance(600);
  expect(await asked).toBeUndefined();
});

test("N2: scans do not pile up, and with all slots stuck nobody waits", async () => {
  const { clock, scans, ask } = bed();
  const stuck = [ask(record()), ask(record()), ask(record())];
  await clock.advance(600);
  await Promise.all(stuck);
  expect(scans).toHaveLength(2);
  for (let round = 0; round < 50; round++) expect(await ask(record())).toBeUndefined();
  expect(scans).toHaveLength(2);
});

test("scans that wait for a disk that hangs leave their slots to others, within bounds", async () => {
  const { clock, scans, ask } = bed();
  const begun = (count: number) => {
    for (let one = 0; one < count; one++) void ask(record());
  };
  begun(40);
  await clock.advance(1_000);
  expect(scans).toHaveLength(2);
  await clock.advance(20_000);
  expect(scans).toHaveLength(4);
  await clock.advance(200_000);
  expect(scans).toHaveLength(10);
});

test("N2: what takes long is scanned seldom, and after what is quick", async () => {
  const { clock, scans, ask, finish } = bed();
  const slow = record();
  const asked = ask(slow);
  await clock.advance(4_000);
  await finish(0, 1n);
  await asked;
  await clock.advance(30_000);
  await ask(slow);
  expect(scans).toHaveLength(1);
  await clock.advance(10_000);
  void ask(slow);
  await clock.advance(100);
  expect(scans).toHaveLength(2);
});

test("N2: a scan cut short never makes a layer smaller than it was", async () => {
  const { clock, ask, finish } = bed();
  const container = record();
  const first = ask(container);
  await finish(0, 500n);
  await first;
  await clock.advance(20_000);
  const second = ask(container);
  await finish(1, 3n, false);
  expect((await second)?.usedBytes).toBe(500n);
});

test("N2: what a container writes to the volumes of its image is not hidden", async () => {
  const directory = mkdtempSync(join(tmpdir(), "crib-usage-"));
  using _directory = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  mkdirSync(join(directory, "volumes"));
  const { ask, finish } = bed();
  const asked = ask({ ...record(), directory: parseHostPath(directory, "test") });
  await finish(0, 5n);
  await finish(1, 200n, false);
  expect(await asked).toMatchObject({ usedBytes: 205n, inodesUsed: 2n });
});
