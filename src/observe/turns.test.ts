import { expect, test } from "bun:test";
import { Turns } from "./turns.ts";

const round = () => new Promise<void>((resolve) => void setImmediate(resolve));

test("R10: work that asks at once begins in order, one piece a round, and others have theirs between", async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const work = ["a", "b", "c"].map(async (name) => {
    await turns.take();
    seen.push(name);
  });
  const other = (async () => {
    for (let i = 0; i < 4; i++) {
      await round();
      seen.push("-");
    }
  })();
  await Promise.all([...work, other]);
  expect(seen.join("")).toMatch(/^a-?b-+c-*$/);
});

test("who asks when nobody is before it does not wait for a round", async () => {
  const turns = new Turns();
  let begun = false;
  const first = turns.take().then(() => {
    begun = true;
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(begun).toBe(true);
  await first;
  await round();
  await round();
  let again = false;
  void turns.take().then(() => {
    again = true;
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(again).toBe(true);
});
