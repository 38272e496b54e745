import { expect, test } from "bun:test";
import { Random } from "../harness/random.ts";
import { blobWays, killPulls, mayComeAgainBytes, middleOf } from "../soak/kill-pulls.ts";

// Needs root: layers are unpacked with their owners. 200 kills with `npm run soak -- --killed-pulls 200`.
test.each(blobWays)(
  "a pull that is killed, its blobs coming %s it, goes on where its files end, and leaves nothing",
  async (way) => {
    const killed = await killPulls(5, way, new Random(20_261_130));
    expect(killed.wrong).toEqual([]);
    expect(killed.caught).toBeGreaterThan(1);
    expect(middleOf(killed)).toBeLessThanOrEqual(mayComeAgainBytes[way]);
  },
  120_000,
);
