import { type DuelKind, type DuelMode, openDuel, racerImage } from "../harness/racer-duel.ts";
import type { TestBed } from "../harness/test-bed.ts";

const modes: readonly DuelMode[] = ["CONTAINER", "POD", "TARGET", "NODE"];

/**
 * The racer (tests/fixtures/racer.c) against execs and starts, for `minutes` in each pid mode, half of them in a user
 * namespace where there can be one.
 *
 * @throws at the first thing it finds.
 */
export async function soakRace(bed: TestBed, minutes: number, say: (line: string) => void): Promise<string> {
  const image = await racerImage(bed);
  let entered = 0;
  for (const mode of modes) {
    const halves = mode === "NODE" ? [false] : [false, true];
    for (const userNamespace of halves) {
      const kind: DuelKind = { mode, userNamespace, privileged: false };
      const count = await duelFor(bed, image, kind, (minutes * 60_000) / halves.length);
      say(`      ${mode}${userNamespace ? ", user namespace" : ""}: ${count} entered, nothing found`);
      entered += count;
    }
  }
  return `${entered} entered before the racer's eyes, nothing found`;
}

async function duelFor(bed: TestBed, image: string, kind: DuelKind, milliseconds: number): Promise<number> {
  await using duel = await openDuel(bed, image, kind);
  const end = performance.now() + milliseconds;
  let count = 0;
  while (performance.now() < end) {
    const execs = Array.from({ length: 4 }, () => duel.entered.exec(["true"]));
    const starts = kind.mode === "CONTAINER" ? [] : [duel.startAnother()];
    // The racer may have written to the pipe of one that then failed.
    count += (await Promise.allSettled([...execs, ...starts])).length;
    const [found] = duel.hits();
    if (found !== undefined) throw new Error(`${kind.mode}: ${found}`);
  }
  if (!duel.racer.text().includes("saw them come"))
    throw new Error(`${kind.mode}: the racer met too few to say anything`);
  return count;
}
