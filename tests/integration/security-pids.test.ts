import { afterAll, afterEach, describe, expect, test as monitorTest } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { newContainerId, newExecId } from "../../src/ids/object-id.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import type { Pid } from "../../src/ids/process.ts";
import type { PlanStep } from "../../src/runtime/native/plan/steps.ts";
import { execPlan } from "../fixtures/launch-plans.ts";
import { codeOf } from "../harness/error-code.ts";
import { monitorErrorOf, openMonitorBed } from "../harness/monitor-bed.ts";
import { childrenOf } from "../harness/monitor-process.ts";
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

  monitorTest("V25: enters only what runs: no launch under way, no init, no monitor, nobody of the host", async () => {
    const pod = await monitors.openPod({ pidInit: true });
    const running = await monitors.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const others = childrenOf(pod.monitor.pid);
    const fifo = join(monitors.path, "nobody-reads");
    if (!Bun.spawnSync(["mkfifo", fifo]).success) throw new Error(`mkfifo ${fifo}`);
    const endless: PlanStep = { kind: "join-cgroup", procsFile: parseHostPath(fifo) };
    const hanging = monitorErrorOf(
      monitors.start(pod, { argv: ["/hello"], sources: [endless] }, { timeoutMs: 20_000 }),
    );
    const stage = await waitUntil(() => childrenOf(pod.monitor.pid).find((pid) => !others.includes(pid)), {
      what: "a launch that hangs",
    });
    const init = others.find((pid) => pid !== running.pid);
    expect(init).toBeDefined();
    for (const pid of [stage, init, pod.monitor.pid, process.pid, 1].map((number) => number as Pid)) {
      const shared = monitors.start(pod, { argv: ["/hello"], pidNamespace: { kind: "process", pid } });
      expect((await monitorErrorOf(shared)).failure).toMatchObject({ call: "pidfd_open", errno: 3 });
      const entered = monitors.exec(pod, { ...running, pid }, { argv: ["/hello"] });
      expect((await monitorErrorOf(entered)).failure).toMatchObject({ call: "pidfd_open", errno: 3 });
    }
    // Nor by its name.
    const plan = execPlan(running.pid, { argv: ["/hello"] });
    const unknown = { id: newExecId(), containerId: newContainerId(), plan, terminal: false, stdin: false };
    expect((await monitorErrorOf(pod.monitor.exec(unknown))).failure).toMatchObject({ call: "exec", errno: 3 });
    await pod.monitor.shutdown();
    await hanging;
  });
});
