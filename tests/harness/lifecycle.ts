import type { TestBed } from "./test-bed.ts";
import type { TestContainer, TestPod } from "./test-container.ts";

/** A whole life of a small pod: run, create, start, exec, stop, remove. Checks what it sees on the way. */
export async function liveThrough(bed: TestBed): Promise<void> {
  const pod = await bed.runPod();
  const container = await bed.runIdle(pod);
  const { stdout, exitCode } = await container.exec(["echo", "alive"]);
  if (exitCode !== 0 || stdout !== "alive\n") throw new Error(`exec said ${JSON.stringify(stdout)}, exit ${exitCode}`);
  await end(container, pod);
}

async function end(container: TestContainer, pod: TestPod): Promise<void> {
  await container.stop(0);
  await container.remove();
  await pod.stop();
  await pod.remove();
}
