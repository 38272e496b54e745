import { crashRound } from "../harness/crash-round.ts";
import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import type { Random } from "../harness/random.ts";
import type { TestBed } from "../harness/test-bed.ts";

/** The longest a round waits before it kills: past the end of one lifecycle, so that idle moments are hit too. */
const LONGEST_MS = 150;

/** SIGKILLs the daemon `kills` times at random moments of pods' lives. @throws with seed, round and moment of a failure. */
export async function soakKills(
  bed: TestBed,
  kills: number,
  random: Random,
  onRound: (round: number) => void,
): Promise<void> {
  const before = hostSnapshot(bed.engine);
  for (let round = 1; round <= kills; round++) {
    const afterMs = random.between(0, LONGEST_MS);
    try {
      await crashRound(bed, afterMs, 1 + (round % 3));
      await expectNoResidue(bed.engine, before);
    } catch (error) {
      const where = `round ${round} of seed ${random.seed}, killed after ${afterMs.toFixed(1)} ms`;
      throw new Error(`${where}: ${String(error)}\n${bed.engine.logTail()}`, { cause: error });
    }
    onRound(round);
  }
}
