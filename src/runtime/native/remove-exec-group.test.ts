import { expect, test } from "bun:test";
import { silentLog } from "../../../tests/fixtures/silent-log.ts";
import { parseCgroupPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import { removeExecGroup } from "./remove-exec-group.ts";

const container = parseCgroupPath("/pods/one");
/** An engine whose group can be removed at the attempt of that number. */
function engineWithGroup(removableAt: number) {
  let tried = 0;
  let slept = 0;
  return {
    engine: {
      log: silentLog,
      clock: {
        now: () => 0n as UnixNanos,
        monotonicMs: () => 0,
        sleep: async () => {
          slept += 1;
          return true;
        },
      },
      cgroups: { removeExec: () => ++tried >= removableAt },
    },
    tried: () => tried,
    slept: () => slept,
  };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
}

test("a group that is free is gone at once, without a pause", () => {
  const { engine, tried, slept } = engineWithGroup(1);
  removeExecGroup(engine, container, "a");
  expect([tried(), slept()]).toEqual([1, 0]);
});

test("a group with dying processes goes when they have (it stayed until the container went)", async () => {
  const { engine, tried } = engineWithGroup(7);
  removeExecGroup(engine, container, "a");
  await settled();
  expect(tried()).toBe(7);
});

test("a group that never becomes free is left after a bounded number of attempts", async () => {
  const { engine, tried } = engineWithGroup(Number.POSITIVE_INFINITY);
  removeExecGroup(engine, container, "a");
  await settled();
  expect(tried()).toBe(100);
});
