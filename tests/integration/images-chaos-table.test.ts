import { afterAll, expect, test } from "bun:test";
import { faults } from "../chaos/faults.ts";
import { type FaultRow, faultTable, runFault } from "../chaos/run-fault.ts";
import { say } from "../harness/say.ts";
import { timeFactor } from "../harness/time-factor.ts";

// Needs root: layers are unpacked with their owners. `npm run chaos` tries every fault.
const rows: FaultRow[] = [];
afterAll(() => say(faultTable(rows)));

const maxMs = 8_000;
const maxGrownKib = 96 * 1024;

test.each(faults.filter(({ inGate }) => inGate).map((fault) => [fault.name, fault] as const))(
  "%s",
  async (_name, fault) => {
    const row = await runFault(fault);
    rows.push(row);
    expect([row.ended, row.message]).toEqual([fault.ends, expect.any(String)]);
    expect(row.message).not.toMatch(/verbose|undefined|\[object/);
    expect(row.ms).toBeLessThan(maxMs * timeFactor());
    expect(row.grownKib).toBeLessThan(maxGrownKib);
  },
);
