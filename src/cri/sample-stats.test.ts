import { expect, test } from "bun:test";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { silentLog } from "../../tests/fixtures/silent-log.ts";
import { notFound } from "../errors/crib-error.ts";
import type { Patience } from "../observe/patience.ts";
import { sampleEach } from "./sample-stats.ts";

const records = Array.from({ length: 60 }, (_, index) => ({ id: `${index}` }));

test("a list whose parts never answer waits for all of them together, not for one after another", async () => {
  const clock = createFakeClock();
  const never = new Promise<never>(() => undefined);
  const sample = async (id: string, patience: Patience) => ({ id, part: await patience.wait(never) });
  let told: readonly string[] | undefined;
  const listed = sampleEach({ clock, log: silentLog }, records, sample, ({ id, part }) => `${id} ${part}`).then(
    (all) => {
      told = all;
    },
  );
  await clock.advance(399);
  expect(told).toBeUndefined();
  await clock.advance(1);
  await listed;
  expect(told).toEqual(records.map(({ id }) => `${id} undefined`));
  expect(clock.sleepers).toBe(0);
});

test("a list leaves out what is gone or cannot be told of, and keeps its order", async () => {
  const clock = createFakeClock();
  const sample = async (id: string) => {
    if (id === "1") throw notFound("container", id);
    if (id === "2") throw new Error("broken");
    return id;
  };
  expect(await sampleEach({ clock, log: silentLog }, records.slice(0, 5), sample, (id) => id)).toEqual(["0", "3", "4"]);
});
