import { expect, test } from "bun:test";
import { createFakeClock } from "../../../tests/fixtures/fake-clock.ts";
import { silentLog } from "../../../tests/fixtures/silent-log.ts";
import { Patience } from "../../observe/patience.ts";
import { Tellable } from "./tellable.ts";

test("Tellable reads a part once for all who wait, leaves it out for who has waited enough, and begins anew once it is over", async () => {
  const clock = createFakeClock();
  const tellable = new Tellable(silentLog, clock);
  const reads: PromiseWithResolvers<number>[] = [];
  const read = () => {
    const begun = Promise.withResolvers<number>();
    reads.push(begun);
    return begun.promise;
  };
  const ask = (ms: number, id = "one") => tellable.wait("interfaces", id, new Patience(clock, ms), read);

  const [short, long, other] = [ask(100), ask(1_000), ask(1_000, "other")];
  expect(reads).toHaveLength(2);
  await clock.advance(100);
  expect(await short).toBeUndefined();
  expect(await ask(0)).toBeUndefined();
  expect(reads).toHaveLength(2);
  reads[0]?.resolve(7);
  reads[1]?.reject(new Error("broken"));
  expect([await long, await other]).toEqual([7, undefined]);

  const again = ask(100);
  expect(reads).toHaveLength(3);
  reads[2]?.resolve(8);
  expect(await again).toBe(8);
  expect(clock.sleepers).toBe(0);
});
