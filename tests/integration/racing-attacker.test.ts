import { beforeAll, describe, expect } from "bun:test";
import { enter, entryWaysOf } from "../harness/duel-entries.ts";
import { describeDuel, duelKinds, duelModes } from "../harness/duel-kinds.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { type Duel, type DuelKind, openDuel, racerImage } from "../harness/racer-duel.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

/**
 * E1, E2: nothing that is visible in a container's pid namespace, at any instant, has what the container may not have. The
 * racer (tests/fixtures/racer.c) looks at everything that comes, runs by, is stopped or traced; here for a moment in each
 * kind of pod, for minutes in `npm run soak -- --race`.
 */
const bed = useTestBed({ images: ["busybox"] });
const test = onlyCrib("these ask about crib's own processes");
let image = "";

beforeAll(async () => {
  image = await racerImage(bed);
});

/** A round for each way at the least. */
const atLeast = 5;
const boundMs = 20_000;

/** Comes in every way until the racer has met enough of them. */
async function entries(duel: Duel, kind: DuelKind): Promise<void> {
  const end = performance.now() + boundMs;
  const others = entryWaysOf(kind).filter((way) => way !== "exec");
  for (let count = 0; count < atLeast || !duel.racer.text().includes("saw them come"); count++) {
    // Whoever was never met proves nothing by being silent.
    if (performance.now() > end)
      throw new Error(`the racer met too few in ${count} rounds: ${await duel.racerState()}`);
    const way = others[count % others.length] ?? "exec";
    // The racer may have written to the pipe of an exec that failed, or let it wait.
    await Promise.allSettled((["exec", "exec", "exec", way] as const).map((each) => enter(duel, each)));
  }
}

describe("E1 E2 V01 V03 V04: a racing attacker finds nothing of the host", () => {
  for (const kind of duelModes.flatMap(duelKinds)) {
    test(describeDuel(kind), async () => {
      await using duel = await openDuel(bed, image, kind);
      await entries(duel, kind);
      expect(duel.hits()).toEqual([]);
    });
  }
});
