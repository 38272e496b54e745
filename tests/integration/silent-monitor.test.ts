import { describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ContainerState, NamespaceMode, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { ended, monitorPid, processState, silence, theMonitor } from "../harness/monitor-process.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestContainer, TestPod } from "../harness/test-container.ts";
import { timeFactor } from "../harness/time-factor.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const test = onlyCrib("has a shim process in the place of our monitor");

/** What a verb may take at most; a monitor's answer is waited for at most 3 s. */
const PROMPT_MS = 6_000 * timeFactor();

/** Fails when `work` takes longer than any monitor's deadline allows. */
async function prompt<T>(what: string, work: Promise<T>): Promise<T> {
  const late = Bun.sleep(PROMPT_MS).then(() => {
    throw new Error(`${what} took over ${PROMPT_MS} ms`);
  });
  return await Promise.race([work, late]);
}

async function idlePod(): Promise<{
  readonly pod: TestPod;
  readonly container: TestContainer;
  readonly monitor: number;
}> {
  const pod = await bed.runPod();
  const container = await bed.runIdle(pod);
  return { pod, container, monitor: theMonitor(pod.id) };
}

describe("a pod whose monitor is stopped", () => {
  test("holds up no list, no status and no other pod", async () => {
    const { pod, container, monitor } = await idlePod();
    const other = await bed.runIdle(await bed.runPod());
    using _silent = await silence(monitor);
    const exec = codeOf(container.exec(["true"], 3));
    expect((await prompt("list of pods", bed.cri.runtime.listPodSandbox({}))).items).toHaveLength(2);
    expect((await prompt("list of containers", bed.cri.runtime.listContainers({}))).containers).toHaveLength(2);
    expect((await prompt("status", container.status())).state).toBe(ContainerState.CONTAINER_RUNNING);
    expect((await prompt("status of the pod", pod.status())).state).toBe(PodSandboxState.SANDBOX_READY);
    await prompt("stats", bed.cri.runtime.listContainerStats({}));
    expect(await prompt("exec elsewhere", other.sh("echo well"))).toBe("well");
    await prompt("another pod's stop", other.pod.stop());
    expect(await prompt("exec in it", exec)).not.toBe("OK");
  });

  test("is stopped container by container, with the exit codes that the kernel keeps", async () => {
    const { pod, container, monitor } = await idlePod();
    const term = await bed.run(pod, {
      command: ["sh", "-c", "trap 'exit 7' TERM; echo set; while :; do sleep 0.05; done"],
    });
    await term.waitLog("set");
    using _silent = await silence(monitor);
    await prompt("stop with a grace", term.stop(30));
    expect((await term.status()).exitCode).toBe(7);
    await prompt("stop", container.stop(0));
    expect(await container.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
    expect(processState(monitor)).toBe("T");
  });

  test("is stopped and removed, monitor and all", async () => {
    const { pod, container, monitor } = await idlePod();
    const pid = await container.pid();
    using _silent = await silence(monitor);
    await prompt("stop of the pod", pod.stop());
    expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect((await container.status()).exitCode).toBe(137);
    await ended(monitor);
    await ended(pid);
    await prompt("removal", pod.remove());
    expect(existsSync(join(bed.engine.state, "pods", pod.id))).toBe(false);
  });

  test("does not keep a daemon from starting, and is the pod it was when it answers again", async () => {
    const { pod, container, monitor } = await idlePod();
    const other = await bed.runIdle(await bed.runPod());
    const pid = await container.pid();
    {
      using _silent = await silence(monitor);
      await bed.engine.kill9();
      await prompt("start", bed.engine.start());
      expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_READY);
      expect((await container.status()).state).toBe(ContainerState.CONTAINER_RUNNING);
      const trouble = async () => {
        const { info } = await bed.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: true });
        return (JSON.parse(info.info ?? "{}") as { readonly monitorTrouble?: string }).monitorTrouble;
      };
      await waitUntil(async () => (await trouble())?.includes("does not answer"), {
        what: "the verbose status says so",
      });
      expect(await other.sh("echo well")).toBe("well");
    }
    expect(await waitUntil(() => container.sh("echo again"), { what: "the monitor is found again" })).toBe("again");
    expect(await container.pid()).toBe(pid);
    expect(theMonitor(pod.id)).toBe(monitor);
  });

  test("does not keep a daemon that was told to stop", async () => {
    const { monitor } = await idlePod();
    using _silent = await silence(monitor);
    await prompt("stop of the daemon", bed.engine.stop());
    await bed.engine.start();
  });
});

describe("a spare monitor that is stopped", () => {
  test("is let go, and the pod gets another", async () => {
    const spares = () =>
      readdirSync(join(bed.engine.state, "pods")).filter(
        (id) => existsSync(join(bed.engine.state, "pods", id, "spare")) && monitorPid(id) !== undefined,
      );
    const [spare = ""] = await waitUntil(() => (spares().length > 0 ? spares() : undefined), { what: "a spare waits" });
    const pid = theMonitor(spare);
    using _silent = await silence(pid);
    const pod = await prompt("the next pod", bed.runPod());
    expect(pod.id).not.toBe(spare);
    expect(await bed.output(pod, "echo well")).toBe("well");
    await ended(pid);
    expect(existsSync(join(bed.engine.state, "pods", spare))).toBe(false);
  });
});

describe("a monitor that is killed", () => {
  test("takes the init of a shared pid namespace and all containers along", async () => {
    const shared = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } } };
    const pod = await bed.runPod(shared);
    const container = await bed.runIdle(pod, shared);
    const { info } = await bed.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: true });
    const { initPid } = JSON.parse(info.info ?? "{}") as { readonly initPid?: number };
    if (initPid === undefined) throw new Error("the pod has no init");
    process.kill(theMonitor(pod.id), "SIGKILL");
    await ended(initPid);
    await container.waitExit();
    await waitUntil(async () => (await pod.status()).state === PodSandboxState.SANDBOX_NOTREADY, {
      what: "the pod is not ready",
    });
  });
});
