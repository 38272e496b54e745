import { expect, test } from "bun:test";
import { createFakeClock } from "../../../tests/fixtures/fake-clock.ts";
import { KeyedLocks } from "./keyed-locks.ts";

const request = { doing: "is being tried", withinMs: 1_000 };

test("KeyedLocks lets holders of one key run one after another, in order", async () => {
  const locks = new KeyedLocks(createFakeClock());
  const seen: string[] = [];
  const visit = async (name: string) => {
    using _held = await locks.acquire("a", request);
    seen.push(`${name} in`);
    await Promise.resolve();
    seen.push(`${name} out`);
  };
  await Promise.all([visit("1"), visit("2"), visit("3")]);
  expect(seen).toEqual(["1 in", "1 out", "2 in", "2 out", "3 in", "3 out"]);
});

test("KeyedLocks keeps different keys apart and forgets released ones", async () => {
  const locks = new KeyedLocks(createFakeClock());
  const a = await locks.acquire("a", request);
  const b = await locks.acquire("b", request);
  expect(locks.size).toBe(2);
  a[Symbol.dispose]();
  b[Symbol.dispose]();
  expect(locks.size).toBe(0);
});

test("KeyedLocks tells who waits too long what is done meanwhile, and lets the next one in when it is over", async () => {
  const clock = createFakeClock();
  const locks = new KeyedLocks(clock);
  const first = await locks.acquire("c", { doing: "is being started", withinMs: 10 });
  const tired = locks.acquire("c", request).then(String, String);
  const patient = locks.acquire("c", { doing: "is being removed", withinMs: 60_000 });
  await clock.advance(2_000);
  expect(await tired).toContain("c is being started since 1 s: not waited for beyond 1 s");
  first[Symbol.dispose]();
  (await patient)[Symbol.dispose]();
  await Promise.resolve();
  expect(locks.size).toBe(0);
  expect(clock.sleepers).toBe(0);
});
