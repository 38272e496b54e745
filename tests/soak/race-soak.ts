import { type EntryWay, enter, entryWaysOf } from "../harness/duel-entries.ts";
import { describeDuel, duelKinds, duelModes } from "../harness/duel-kinds.ts";
import { type Duel, type DuelKind, type DuelMode, openDuel, racerImage } from "../harness/racer-duel.ts";
import type { TestBed } from "../harness/test-bed.ts";

/** How much of each way is under way at once: what comes by the hundred is most often seen. */
const atOnce: Readonly<Record<EntryWay, number>> = { exec: 3, probe: 1, session: 1, attach: 1, start: 1, debug: 1 };

/**
 * The racer (tests/fixtures/racer.c) against everything that enters, for `minutes` in each pid mode, shared by its kinds: with a user
 * namespace and without, beside a privileged neighbour and not.
 *
 * @throws with all it found.
 */
export async function soakRace(bed: TestBed, minutes: number, say: (line: string) => void): Promise<string> {
  const image = await racerImage(bed);
  const found: string[] = [];
  let entered = 0;
  for (const kind of duelModes.flatMap((mode) => duelKinds(mode))) {
    const { counts, hits } = await duelFor(bed, image, kind, (minutes * 60_000) / duelKinds(kind.mode).length);
    const ways = [...counts].map(([way, count]) => `${way} ${count}`).join(", ");
    say(`      ${describeDuel(kind)}: ${ways}; ${hits.length} found`);
    found.push(...hits.map((hit) => `${describeDuel(kind)}: ${hit}`));
    for (const count of counts.values()) entered += count;
  }
  if (found.length > 0)
    throw new Error(`${found.length} found in ${entered} entered: ${found.slice(0, 20).join("; ")}`);
  return `${entered} entered before the racer's eyes in ${duelModes.length} pid modes, nothing found`;
}

interface DuelResult {
  readonly counts: ReadonlyMap<EntryWay | "held up or refused", number>;
  readonly hits: readonly string[];
}

async function duelFor(bed: TestBed, image: string, kind: DuelKind, milliseconds: number): Promise<DuelResult> {
  await using duel = await openDuel(bed, image, kind);
  const end = performance.now() + milliseconds;
  const counts = new Map<EntryWay | "held up or refused", number>();
  const count = (what: EntryWay | "held up or refused"): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const comeIn = async (way: EntryWay): Promise<void> => {
    while (performance.now() < end && duel.hits().length === 0) {
      // The racer may have written to the pipe of one that then failed.
      count(
        await enter(duel, way).then(
          () => way,
          () => "held up or refused" as const,
        ),
      );
    }
  };
  await Promise.all(entryWaysOf(kind).flatMap((way) => Array.from({ length: atOnce[way] }, () => comeIn(way))));
  checkMet(duel, kind.mode);
  return { counts, hits: duel.hits() };
}

function checkMet(duel: Duel, mode: DuelMode): void {
  if (!duel.racer.text().includes("saw them come")) throw new Error(`${mode}: the racer met too few to say anything`);
}
