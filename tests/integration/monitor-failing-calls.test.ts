import { expect, test } from "bun:test";
import { Random } from "../harness/random.ts";
import { soakInject } from "../soak/inject-soak.ts";

/**
 * Every system call of a monitor, and of the stages that it makes, fails in turn: here a sample of them, all of them with
 * `npm run soak -- --inject MINUTES`. What must hold is said at tests/harness/injected-life.ts.
 */
test("a call of the monitor or of a stage that fails costs a request its answer, and nobody else anything", async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const report = await soakInject(new Random(seed), { seconds: 12 });
  expect({ seed, violations: report.violations }).toEqual({ seed, violations: [] });
  // Lives in which nothing failed, or in which no failure was ever told, prove nothing.
  expect(report.lives - report.unmet).toBeGreaterThan(5);
  expect(report.refused).toBeGreaterThan(0);
}, 60_000);
