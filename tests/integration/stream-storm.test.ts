import { expect } from "bun:test";
import { onlyCrib } from "../harness/only-crib.ts";
import { processUse } from "../harness/process-memory.ts";
import { attachAndVanish, echoEverywhere, execAtOnce, floodResizes, runTicking } from "../harness/stream-storm.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel. The same with large numbers is `npm run soak`. */
const bed = useTestBed();
const mebibyte = 1024 * 1024;

onlyCrib("Debian's 1.6 serves exec over SPDY alone")(
  "clients that vanish, crowd, flood and move much leave the daemon with the descriptors it had",
  async () => {
    const container = await runTicking(bed, await bed.runPod());
    const storm = async (port: number) => {
      await attachAndVanish(container, 60, 8);
      await execAtOnce(container, 20);
      await floodResizes(container, "spdy", 500);
      await floodResizes(container, "websocket", 500);
      await echoEverywhere(container, port, 4 * mebibyte);
    };
    await storm(8100);
    const before = processUse(bed.engine.pid).descriptors;
    await storm(8110);
    await waitUntil(() => processUse(bed.engine.pid).descriptors <= before, { what: `${before} descriptors again` });
    expect(await container.sh("echo alive")).toBe("alive");
  },
  120_000,
);
