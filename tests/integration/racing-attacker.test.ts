import { beforeAll, describe, expect } from "bun:test";
import { onlyCrib } from "../harness/only-crib.ts";
import { type Duel, type DuelKind, type DuelMode, openDuel, racerImage } from "../harness/racer-duel.ts";
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

const atLeast = 4;
const boundMs = 20_000;

function kinds(): readonly DuelKind[] {
  const modes: readonly DuelMode[] = ["CONTAINER", "POD", "TARGET", "NODE"];
  return modes.flatMap((mode) =>
    [false, true].flatMap((userNamespace) =>
      [false, true]
        .filter(
          (privileged) => !(userNamespace && (privileged || mode === "NODE")) && !(privileged && mode === "CONTAINER"),
        )
        .map((privileged) => ({ mode, userNamespace, privileged })),
    ),
  );
}

/** Execs and starts until the racer has met enough of them. */
async function entries(duel: Duel, { mode }: DuelKind): Promise<void> {
  const end = performance.now() + boundMs;
  for (let count = 0; count < atLeast || !duel.racer.text().includes("saw them come"); count++) {
    // Whoever was never met proves nothing by being silent.
    if (performance.now() > end)
      throw new Error(`the racer met too few in ${count} rounds: ${await duel.racerState()}`);
    // The racer may have written to the pipe of an exec that failed, or let it wait.
    await Promise.all(Array.from({ length: 4 }, () => duel.entered.exec(["true"]).catch(() => undefined)));
    if (mode !== "CONTAINER") await duel.startAnother().catch(() => undefined);
  }
}

describe("E1 E2 V01 V03 V04: a racing attacker finds nothing of the host", () => {
  for (const kind of kinds()) {
    const where = `${kind.mode}${kind.userNamespace ? ", user namespace" : ""}${kind.privileged ? ", privileged neighbour" : ""}`;
    test(`${where}`, async () => {
      await using duel = await openDuel(bed, image, kind);
      await entries(duel, kind);
      expect(duel.hits()).toEqual([]);
    });
  }
});
