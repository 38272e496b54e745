import type { Clock } from "../../observe/clock.ts";
import { TimeSlice } from "../../observe/time-slice.ts";

/** Waits for the disk overlap; a few at once suffice for that. */
const workers = 8;

/**
 * Does `work` on every item, a few at a time and with pauses in which other RPCs get their turn, however many there are.
 * Results come in the order of the items.
 */
export async function inTurns<Item, Result>(
  items: readonly Item[],
  clock: Pick<Clock, "monotonicMs">,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = new Array(items.length);
  const slice = new TimeSlice(clock);
  const waiting = items.entries();
  const worker = async () => {
    for (const [index, item] of waiting) {
      await slice.turn();
      results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, items.length) }, worker));
  return results;
}
