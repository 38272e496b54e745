import { expect, test } from "bun:test";
import { TimeSlice } from "./time-slice.ts";

test("of several that wait for a new slice only as many go on as fit into it", async () => {
  let nowMs = 0;
  const slice = new TimeSlice({ monotonicMs: () => nowMs }, 4);
  const rounds: number[] = [0];
  let over = false;
  const work = Promise.all(
    Array.from({ length: 8 }, async () => {
      await slice.turn();
      nowMs += 2;
      rounds[rounds.length - 1] = (rounds.at(-1) ?? 0) + 1;
    }),
  ).then(() => {
    over = true;
  });
  while (!over) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    rounds.push(0);
  }
  await work;
  expect(rounds.reduce((sum, count) => sum + count)).toBe(8);
  expect(Math.max(...rounds.slice(1))).toBeLessThanOrEqual(2);
});
