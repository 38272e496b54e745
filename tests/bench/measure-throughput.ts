import type { Contender } from "./contender.ts";
import { emptyTimes, measureLifecycle } from "./measure-lifecycle.ts";

/** Whole lifecycles a second with `parallel` of them under way; execs are left out. */
export async function measureThroughput(entry: Contender, lifecycles: number, parallel: number): Promise<number> {
  const times = emptyTimes();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next++ < lifecycles) await measureLifecycle(entry, 0, times);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: parallel }, worker));
  return (lifecycles * 1000) / (performance.now() - start);
}
