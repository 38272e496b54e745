import { expect, test } from "bun:test";
import { createFakeClock } from "../../../tests/fixtures/fake-clock.ts";
import { newContainerId } from "../../ids/object-id.ts";
import { ExitWatch } from "./exit-watch.ts";

const [id, other] = [newContainerId(), newContainerId()];

test("who waits for an exit is told of it, and leaves no timer behind", async () => {
  const clock = createFakeClock();
  const watch = new ExitWatch(clock);
  const waiting = [watch.wait(id, 1000), watch.wait(id, 2000)];
  watch.notify(id);
  expect(await Promise.all(waiting)).toEqual([true, true]);
  expect(clock.sleepers).toBe(0);
});

test("who waits in vain, or for another container, is told so when the time is over", async () => {
  const clock = createFakeClock();
  const watch = new ExitWatch(clock);
  const waiting = watch.wait(id, 1000);
  watch.notify(other);
  await clock.advance(1000);
  expect(await waiting).toBe(false);
  // What comes later wakes nobody.
  watch.notify(id);
});
