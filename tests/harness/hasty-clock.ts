import type { Clock } from "../../src/observe/clock.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";

/** The machine's clock, in which pauses end after a hundredth of their time: for tests of what comes after them. */
export function createHastyClock(): Clock {
  const system = createSystemClock();
  return { ...system, sleep: (ms, signal) => system.sleep(ms / 100, signal) };
}
