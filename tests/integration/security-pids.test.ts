import { afterAll, afterEach, describe, expect, test as monitorTest } from "bun:test";
import { readFileSync } from "node:fs";
import { ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import type { Pid } from "../../src/ids/process.ts";
import { codeOf } from "../harness/error-code.ts";
import { monitorErrorOf, openMonitorBed } from "../harness/monitor-bed.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { recyclePid } from "../harness/recycle-pid.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** V25: numbers of processes that are somebody else's by the time they are used. */
const bed = useTestBed();
const test = onlyCrib("the recovery of a killed shim is not asked of it");

function parentOf(pid: number): number {
  return Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

describe("V25: a process that has the number of a container that ended", () => {
  test("V25: is not signalled when that container is stopped, entered and removed", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    const pid = await container.pid();
    await container.stop();
    using bystander = await recyclePid(pid);
    await container.stop();
    expect(await codeOf(container.exec(["true"]))).toBe("FailedPrecondition");
    await bed.engine.restart();
    await container.stop();
    await container.remove();
    await pod.stop();
    await pod.remove();
    expect(bystander.alive).toBe(true);
  });

  test("V25: is not taken for it, nor for its monitor, by a daemon that starts again", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    const pid = await container.pid();
    const monitor = parentOf(pid);
    await bed.engine.kill9();
    process.kill(monitor, "SIGKILL");
    process.kill(pid, "SIGKILL");
    using asContainer = await recyclePid(pid);
    using asMonitor = await recyclePid(monitor);
    await bed.engine.start();
    await waitUntil(async () => (await container.status()).state === ContainerState.CONTAINER_EXITED, {
      what: "the container is known to have ended",
    });
    expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    await container.stop();
    await container.remove();
    await pod.stop();
    await pod.remove();
    expect([asContainer.alive, asMonitor.alive]).toEqual([true, true]);
  });
});

describe("V25: a monitor that is told to enter a process", () => {
  const monitors = openMonitorBed();
  afterEach(() => monitors.shutdownAll());
  afterAll(() => monitors.remove());

  monitorTest("V25: enters none that has the number of a container it has seen end", async () => {
    const pod = await monitors.openPod();
    const ended = await monitors.start(pod, { argv: ["/hello", "exit", "0"] });
    await ended.exit();
    using bystander = await recyclePid(ended.pid);
    // The daemon decided before it heard of the end: what it names is the host's by now, namespaces and all.
    const shared = monitors.start(pod, { argv: ["/hello"], pidNamespace: { kind: "process", pid: ended.pid } });
    expect((await monitorErrorOf(shared)).failure).toMatchObject({ call: "pidfd_open", errno: 3 });
    const running = await monitors.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const mistaken = { ...running, pid: bystander.pid as Pid };
    const entered = monitors.exec(pod, mistaken, { argv: ["/hello"] });
    expect((await monitorErrorOf(entered)).failure).toMatchObject({ call: "pidfd_open", errno: 3 });
  });
});
