import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newExecId } from "../../src/ids/object-id.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import type { PlanStep } from "../../src/runtime/native/plan/steps.ts";
import { execPlan } from "../fixtures/launch-plans.ts";
import { monitorErrorOf, openMonitorBed, type Pod, type Started } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** E3, N7: a stage that never reaches execve costs its caller a deadline, and nobody else anything. */
const bed = openMonitorBed();

afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

const deadlineMs = 300;

/** A step that does not end: a pipe that nobody reads is opened for writing. */
function endless(): PlanStep {
  const path = join(bed.path, "endless");
  if (!existsSync(path) && !Bun.spawnSync(["mkfifo", path]).success) throw new Error(`mkfifo ${path}`);
  return { kind: "join-cgroup", procsFile: parseHostPath(path) };
}

function descriptorsOf(pod: Pod): number {
  return readdirSync(`/proc/${pod.monitor.pid}/fd`).length;
}

function childrenOf(pod: Pod): readonly number[] {
  return readFileSync(`/proc/${pod.monitor.pid}/task/${pod.monitor.pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter((pid) => pid !== "")
    .map(Number);
}

function hangingExec(pod: Pod, container: Started, timeoutMs?: number) {
  const plan = execPlan(container.pid, { argv: ["/hello"] });
  return pod.monitor.exec({
    id: newExecId(),
    containerId: container.id,
    plan: { ...plan, steps: [endless(), ...plan.steps] },
    terminal: false,
    stdin: false,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

async function alive(pod: Pod, container: Started): Promise<void> {
  const { session, output } = await bed.exec(pod, container, { argv: ["/hello", "echo", "alive"] });
  await Promise.all([session.drained, session.exited]);
  expect(output.stdout).toBe("alive\n");
}

describe("E3 N7: a stage that hangs", () => {
  test("is killed after the deadline that came with its exec, which fails with words and leaves nothing", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    await alive(pod, container);
    await waitUntil(() => childrenOf(pod).length === 1, { what: "only the container is left" });
    const before = descriptorsOf(pod);
    const began = performance.now();
    const error = await monitorErrorOf(hangingExec(pod, container, deadlineMs));
    expect(performance.now() - began).toBeGreaterThanOrEqual(deadlineMs);
    expect(error).toMatchObject({ code: "deadline-exceeded", failure: { step: "join-cgroup" } });
    expect(error.message).toContain("took too long and was killed");
    await waitUntil(() => childrenOf(pod).length === 1, { what: "the stage is reaped" });
    expect(descriptorsOf(pod)).toBe(before);
  });

  test("of a start: the same, and the name is free again", async () => {
    const pod = await bed.openPod({ pidInit: true });
    for (const kind of ["own", "pod"] as const) {
      const hanging = bed.start(
        pod,
        { argv: ["/hello"], sources: [endless()], pidNamespace: { kind } },
        { timeoutMs: deadlineMs },
      );
      expect((await monitorErrorOf(hanging)).code).toBe("deadline-exceeded");
    }
    await waitUntil(() => childrenOf(pod).length === 1, { what: "only the pod's init is left" });
    const again = await bed.start(pod, { argv: ["/hello", "exit", "3"], pidNamespace: { kind: "pod" } });
    expect((await again.exit()).exitCode).toBe(3);
  });

  test("stopped as it hangs: the same", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const hanging = hangingExec(pod, container, 2 * deadlineMs);
    const stage = await waitUntil(() => childrenOf(pod).find((pid) => pid !== container.pid), { what: "the stage" });
    process.kill(stage, "SIGSTOP");
    expect((await monitorErrorOf(hanging)).code).toBe("deadline-exceeded");
    await waitUntil(() => !childrenOf(pod).includes(stage), { what: "the stopped stage is gone" });
    await alive(pod, container);
  });

  test("holds up neither others, nor signals, nor the end of the pod", async () => {
    const pod = await bed.openPod({ pidInit: true });
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"], pidNamespace: { kind: "pod" } });
    const hanging = [1, 2, 3, 4].map(() => monitorErrorOf(hangingExec(pod, container)));
    await waitUntil(() => childrenOf(pod).length >= 6, { what: "four stages hang" });
    await alive(pod, container);
    await pod.monitor.signal(container.id, 9);
    expect((await container.exit()).exitCode).toBe(137);
    const began = performance.now();
    await pod.monitor.shutdown();
    expect(performance.now() - began).toBeLessThan(5_000);
    for (const error of hanging) expect((await error).failure.call).toBe("launch");
  });
});

describe("H5: a monitor that is killed", () => {
  test("takes the pod's init along, and with it all that shared its pid namespace", async () => {
    const pod = await bed.openPod({ pidInit: true });
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"], pidNamespace: { kind: "pod" } });
    const processes = [...childrenOf(pod)];
    expect(processes).toContain(container.pid);
    expect(processes).toHaveLength(2);
    process.kill(pod.monitor.pid, "SIGKILL");
    await waitUntil(() => processes.every((pid) => !isAlive(pid)), { what: "init and container are gone" });
  });
});

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
