import { expect, test } from "bun:test";
import { OneAtATime } from "./one-at-a-time.ts";

test("work begins when what came before it has ended, however that ended", async () => {
  const turns = new OneAtATime();
  const told: string[] = [];
  const first = Promise.withResolvers<void>();
  const failing = turns.run(async () => {
    told.push("first begins");
    await first.promise;
    throw new Error("first failed");
  });
  const second = turns.run(async () => void told.push("second"));
  await Bun.sleep(1);
  expect(told).toEqual(["first begins"]);
  expect(turns.isBusy).toBe(true);
  first.resolve();
  await expect(failing).rejects.toThrow("first failed");
  await second;
  expect(told).toEqual(["first begins", "second"]);
  expect(turns.isBusy).toBe(false);
});
