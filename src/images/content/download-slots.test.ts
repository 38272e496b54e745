import { expect, test } from "bun:test";
import { DownloadSlots } from "./download-slots.ts";

const signal = new AbortController().signal;

test("a registry has its own limit, all have one together, and who waits for the one does not hold the other", async () => {
  const slots = new DownloadSlots(3, 2);
  const held = [await slots.acquire("slow", signal), await slots.acquire("slow", signal)];
  let third = false;
  const waiting = slots.acquire("slow", signal).then((slot) => {
    third = true;
    return slot;
  });
  using _other = await slots.acquire("other", signal);
  expect(third).toBe(false);
  held[0]?.[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  held[1]?.[Symbol.dispose]();
  expect(third).toBe(true);
});

test("who gives up leaves no slot taken", async () => {
  const slots = new DownloadSlots(1, 1);
  const held = await slots.acquire("a", signal);
  const leave = new AbortController();
  const outcomes = ["a", "b"].map((registry) =>
    slots.acquire(registry, leave.signal).then(
      () => "got",
      (error: { code: string }) => error.code,
    ),
  );
  leave.abort();
  expect(await Promise.all(outcomes)).toEqual(["cancelled", "cancelled"]);
  held[Symbol.dispose]();
  for (const registry of ["a", "b"]) (await slots.acquire(registry, signal))[Symbol.dispose]();
});

test("more slots wake who waits; fewer hold for those that come", async () => {
  const slots = new DownloadSlots(1, 1);
  const first = await slots.acquire("a", signal);
  const got: string[] = [];
  const take = (registry: string) =>
    slots.acquire(registry, signal).then((slot) => {
      got.push(registry);
      return slot;
    });
  const second = take("a");
  const third = take("b");
  slots.resize(3, 2);
  const held = [first, await second, await third];
  expect(got.toSorted()).toEqual(["a", "b"]);
  slots.resize(1, 1);
  const fourth = take("a");
  for (const slot of held.slice(0, 2)) slot[Symbol.dispose]();
  expect(got).toHaveLength(2);
  held[2]?.[Symbol.dispose]();
  (await fourth)[Symbol.dispose]();
});
