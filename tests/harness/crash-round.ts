import { ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { liveThrough } from "./lifecycle.ts";
import type { TestBed } from "./test-bed.ts";
import { TestContainer, TestPod } from "./test-container.ts";

/**
 * Kills the daemon `afterMs` into some pods' lives, starts it again and holds it to its promise: every record is either
 * usable or gone, a client's retry succeeds, and everything can be removed.
 */
export async function crashRound(bed: TestBed, afterMs: number, parallel = 2): Promise<void> {
  const lives = Array.from({ length: parallel }, () => liveThrough(bed).catch(() => undefined));
  await Bun.sleep(afterMs);
  await bed.engine.kill9();
  await Promise.all(lives);
  await bed.engine.start();
  await expectUsableOrGone(bed);
  await liveThrough(bed);
}

/** Goes through all records as a kubelet's clean-up would, using each before it is removed. */
async function expectUsableOrGone(bed: TestBed): Promise<void> {
  const { runtime } = bed.cri;
  const { containers } = await runtime.listContainers({});
  for (const { id, podSandboxId, state } of containers) {
    const container = new TestContainer(new TestPod(bed.engine, podSandboxId, {}), id, "");
    const status = await container.status();
    if (state === ContainerState.CONTAINER_UNKNOWN) throw new Error(`container ${id} is of unknown state`);
    if (state === ContainerState.CONTAINER_RUNNING) {
      const { stdout } = await container.exec(["echo", "alive"]);
      if (stdout !== "alive\n") throw new Error(`container ${id} is running but cannot be used: ${stdout}`);
    }
    if (state === ContainerState.CONTAINER_EXITED && status.finishedAt === 0n)
      throw new Error(`container ${id} ended at no time`);
  }
  const { items } = await runtime.listPodSandbox({});
  for (const { id, state, metadata } of items) {
    const pod = new TestPod(bed.engine, id, { metadata: metadata ?? {} });
    await pod.status();
    if (state === PodSandboxState.SANDBOX_READY) {
      const container = await bed.create(pod, { logPath: "" });
      await container.remove();
    }
    await pod.stop();
    await pod.remove();
  }
  const left = await Promise.all([runtime.listPodSandbox({}), runtime.listContainers({})]);
  const count = left[0].items.length + left[1].containers.length;
  if (count > 0) throw new Error(`${count} records are left after everything was removed`);
}
