import { describe, expect, test } from "bun:test";
import { connectCri } from "../harness/cri-client.ts";
import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import { liveThrough } from "../harness/lifecycle.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { leaksDescriptors, soakLifecycles } from "../soak/lifecycle-soak.ts";

const bed = useTestBed();

describe("after pods are gone the host looks as before", () => {
  test("ten in a row, then eight at a time", async () => {
    expect(leaksDescriptors(await soakLifecycles(bed, 10, 1, 3))).toBe(false);
    // Warm with a crowd of its own: the second of the processes that look at paths, which is kept, comes with the first one.
    expect(leaksDescriptors(await soakLifecycles(bed, 24, 8, 8))).toBe(false);
  });

  test("removed without being stopped", async () => {
    const before = hostSnapshot(bed.engine);
    const pod = await bed.runPod({ portMappings: [{ containerPort: 80, hostPort: 30_000 + (process.pid % 10_000) }] });
    await bed.runIdle(pod);
    await bed.create(pod);
    await pod.remove();
    await expectNoResidue(bed.engine, before);
  });

  test("after starts that failed half-way", async () => {
    const before = hostSnapshot(bed.engine);
    const pod = await bed.runPod();
    for (const command of [["/no/such/command"], ["/etc/passwd"]]) {
      await bed.run(pod, { command }).catch(() => undefined);
    }
    await bed.runPod({}, "no-such-handler").catch(() => undefined);
    await pod.stop();
    await pod.remove();
    await expectNoResidue(bed.engine, before);
  });

  test("when the client goes away in the middle", async () => {
    const before = hostSnapshot(bed.engine);
    for (const afterMs of [5, 20, 60]) {
      const client = connectCri(bed.engine.socket);
      const config = {
        metadata: { name: `gone-${afterMs}`, uid: "u", namespace: "tests" },
        linux: { cgroupParent: bed.engine.cgroupParent },
      };
      const work = client.runtime.runPodSandbox({ config }).catch(() => undefined);
      await Bun.sleep(afterMs);
      client.close();
      await work;
    }
    await liveThrough(bed);
    const { items } = await bed.cri.runtime.listPodSandbox({});
    for (const { id } of items) {
      await bed.cri.runtime.stopPodSandbox({ podSandboxId: id });
      await bed.cri.runtime.removePodSandbox({ podSandboxId: id });
    }
    await expectNoResidue(bed.engine, before);
  });
});
