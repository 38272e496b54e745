import { describe } from "bun:test";
import { crashRound } from "../harness/crash-round.ts";
import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { Random } from "../harness/random.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();
const ROUNDS = 6;
const LONGEST_MS = 120;

describe("SIGKILL at a random moment of pods' lives", () => {
  onlyCrib("keeps half-made pods")(
    "leaves records that are usable or gone, a retry that succeeds, and no residue",
    async () => {
      const random = new Random(Date.now());
      const before = hostSnapshot(bed.engine);
      for (let round = 0; round < ROUNDS; round++) {
        const afterMs = random.between(0, LONGEST_MS);
        try {
          await crashRound(bed, afterMs);
          await expectNoResidue(bed.engine, before);
        } catch (error) {
          throw new Error(
            `seed ${random.seed}, round ${round}, killed after ${afterMs.toFixed(1)} ms\n${bed.engine.logTail()}`,
            {
              cause: error,
            },
          );
        }
      }
    },
    180_000,
  );
});
