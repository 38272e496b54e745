import { expect, test } from "bun:test";
import { Random } from "../harness/random.ts";
import { soakPowerCuts } from "../soak/power-cut/power-cut-soak.ts";
import { storeKinds } from "../soak/power-cut/store-life.ts";

// Needs root. All barriers are cut at in `npm run soak -- --power-cut 2`.
test.each(storeKinds)(
  "after a power cut an image of a store of %s is whole or absent",
  async (kind) => {
    const report = await soakPowerCuts(kind, { every: 12, torn: 1 }, new Random(20_261_130));
    expect(report.damaged).toEqual([]);
    expect(report.barriers).toBeGreaterThan(20);
    expect(report.cuts).toBeGreaterThan(2);
    expect(report.wholeImages).toBeGreaterThan(0);
  },
  120_000,
);
