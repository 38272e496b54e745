import { expect, test } from "bun:test";
import { ResetBudget } from "./reset-budget.ts";

test("ResetBudget allows a burst, refuses a flood, and refills with time", () => {
  let nowMs = 0;
  const budget = new ResetBudget({ monotonicMs: () => nowMs });
  for (let i = 0; i < 1000; i += 1) expect(budget.spend()).toBe(true);
  expect(budget.spend()).toBe(false);
  nowMs = 1000;
  for (let i = 0; i < 99; i += 1) expect(budget.spend()).toBe(true);
  nowMs = 1_000_000;
  for (let i = 0; i < 1000; i += 1) expect(budget.spend()).toBe(true);
  expect(budget.spend()).toBe(false);
});
