import { afterAll, afterEach, expect, test } from "bun:test";
import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { openMonitorBed, type Pod } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Layers that are mounted are links into /proc of the daemon that mounted them. */
const bed = openMonitorBed();

afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

function childrenOf({ monitor }: Pod): string {
  return readFileSync(`/proc/${monitor.pid}/task/${monitor.pid}/children`, "utf8").trim();
}

/** A container whose stage waits before it takes its layer, asked for by another process. */
async function waitingStart(pod: Pod, layer: string) {
  const fifo = join(pod.directory, "fifo");
  const root = join(pod.directory, "root");
  Bun.spawnSync(["mkfifo", fifo]);
  const script = join(import.meta.dir, "../fixtures/dying-client.ts");
  const client = Bun.spawn([process.execPath, script, pod.id, pod.directory, `${layer}/.`, fifo, root], {
    stdout: "ignore",
    stderr: "inherit",
  });
  await waitUntil(() => childrenOf(pod) !== "" || client.exitCode !== null, { what: "the stage" });
  return {
    client,
    log: () => readFileSync(join(root, "log"), "utf8"),
    async goOn() {
      readFileSync(fifo);
      await waitUntil(() => childrenOf(pod) === "", { what: "the end of the container" });
    },
  };
}

test("a layer that the daemon holds is taken while it lives", async () => {
  const pod = await bed.openPod();
  const link = join(pod.directory, "layer");
  symlinkSync(bed.root.lower, link);
  const started = await waitingStart(pod, link);
  await started.goOn();
  expect(started.log()).toContain("started");
  started.client.kill("SIGKILL");
});

test("a layer of a daemon that was killed is not taken from who has its number now", async () => {
  const pod = await bed.openPod();
  const link = join(pod.directory, "layer");
  symlinkSync(bed.root.lower, link);
  const started = await waitingStart(pod, link);
  started.client.kill("SIGKILL");
  await started.client.exited;
  // Any process' descriptor, as that of a container that was given the number, of something that overlayfs takes.
  const stolen = bed.kernel.openOverlayView([bed.root.lower]);
  rmSync(link);
  symlinkSync(`/proc/${process.pid}/fd/${stolen}`, link);
  await started.goOn();
  bed.kernel.close(stolen);
  expect(started.log()).toBe("");
});
