import { expect, test } from "bun:test";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { Patience } from "./patience.ts";

const never = new Promise<never>(() => undefined);

test("Patience gives what comes in time, and ends for all parts together", async () => {
  const clock = createFakeClock();
  const patience = new Patience(clock, 100);
  expect(await patience.wait(Promise.resolve("there"))).toBe("there");
  const late = Promise.all([patience.wait(never), patience.wait(never), patience.wait(never)]);
  await clock.advance(100);
  expect(await late).toEqual([undefined, undefined, undefined]);
  expect(patience.isOver).toBe(true);
  expect(clock.sleepers).toBe(0);
});

test("Patience lets one part have less than the others, and what fails fail", async () => {
  const clock = createFakeClock();
  const patience = new Patience(clock, 100);
  const soon = patience.wait(never, 10);
  await clock.advance(10);
  expect(await soon).toBeUndefined();
  expect(patience.isOver).toBe(false);
  await expect(patience.wait(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
});
