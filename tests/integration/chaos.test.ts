import { describe, expect } from "bun:test";
import { onlyCrib } from "../harness/only-crib.ts";
import { Random } from "../harness/random.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { soakChaos } from "../soak/chaos-soak.ts";

/** The state directory on a file system of its own: it is filled up. */
const bed = useTestBed({ stateInMemory: true });
const test = onlyCrib("kills crib's monitors");
const seed = Date.now() % 1_000_000_000;

describe("all faults at once, as in `npm run soak -- --chaos MINUTES`", () => {
  test("for a moment, each of them, end no healthy container and hold up nobody", async () => {
    const { isKept, lines } = await soakChaos(bed, { seconds: 15, clients: 4, longestLifeMs: 8_000 }, new Random(seed));
    expect(isKept ? [] : [`seed ${seed}`, ...lines]).toEqual([]);
  });
});
