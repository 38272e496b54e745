import { expect, test } from "bun:test";
import { listAsACrowd } from "../harness/list-crowd.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();

test("a crowd of clients lists hundreds of containers while pods start, and every list arrives whole", async () => {
  const report = await listAsACrowd(bed, { containers: 200, clients: 16, rounds: 10, pods: 5 });
  expect(report.failures).toEqual([]);
  expect(report.listMs).toHaveLength(160);
  expect(report.replyBytes).toBeGreaterThan(200 * 200);
  expect(report.podMs).toHaveLength(5);
  // The budget of 250 ms for a thousand is the soak's; this bound holds on a machine that is busy with other things too.
  expect(report.listMs.at(-1)).toBeLessThan(2000);
}, 60_000);
