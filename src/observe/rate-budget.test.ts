import { expect, test } from "bun:test";
import { RateBudget } from "./rate-budget.ts";

test("RateBudget allows a burst, refuses a flood, and refills with time", () => {
  let nowMs = 0;
  const budget = new RateBudget({ burst: 1000, perSecond: 100 }, { monotonicMs: () => nowMs });
  for (let i = 0; i < 1000; i += 1) expect(budget.spend()).toBe(true);
  expect(budget.spend()).toBe(false);
  nowMs = 1000;
  for (let i = 0; i < 99; i += 1) expect(budget.spend()).toBe(true);
  nowMs = 1_000_000;
  for (let i = 0; i < 1000; i += 1) expect(budget.spend()).toBe(true);
  expect(budget.spend()).toBe(false);
});
