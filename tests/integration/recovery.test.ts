import { describe, expect, test } from "bun:test";
import { ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const DOWN_MS = 1_500;

describe("a daemon that is killed and started again", () => {
  test("finds pods and containers as they are", async () => {
    const pod = await bed.runPod({ labels: { keep: "label" } });
    const stopped = await bed.runPod();
    await stopped.stop();
    const running = await bed.runIdle(pod, { annotations: { keep: "annotation" } });
    const created = await bed.create(pod, { command: ["sh", "-c", "exit 8"] });
    const exited = await bed.run(pod, { command: ["sh", "-c", "exit 7"] });
    const before = await exited.waitExit();
    const pid = await running.pid();
    const ip = await pod.ip();

    await bed.engine.kill9();
    await bed.engine.start();

    const podStatus = await pod.status();
    expect(podStatus).toMatchObject({ state: PodSandboxState.SANDBOX_READY, labels: { keep: "label" } });
    expect(podStatus.network?.ip).toBe(ip);
    expect((await stopped.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(await running.status()).toMatchObject({
      state: ContainerState.CONTAINER_RUNNING,
      annotations: { keep: "annotation" },
    });
    expect(await running.pid()).toBe(pid);
    expect(await exited.status()).toMatchObject({
      state: ContainerState.CONTAINER_EXITED,
      exitCode: 7,
      finishedAt: before.finishedAt,
    });
    expect((await created.status()).state).toBe(ContainerState.CONTAINER_CREATED);

    expect(await running.sh("echo exec works")).toBe("exec works");
    await created.start();
    expect((await created.waitExit()).exitCode).toBe(8);
    const fresh = await bed.run(pod, { command: ["sh", "-c", "exit 9"] });
    expect((await fresh.waitExit()).exitCode).toBe(9);
    await running.stop();
    expect((await running.status()).exitCode).toBe(137);
  });

  test("stops and removes what it finds", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    await bed.engine.kill9();
    await bed.engine.start();
    await container.stop();
    await container.remove();
    await pod.stop();
    await pod.remove();
    expect((await bed.cri.runtime.listPodSandbox({})).items).toEqual([]);
    expect((await bed.cri.runtime.listContainers({})).containers).toEqual([]);
  });

  test("knows how a container ended meanwhile", async () => {
    const pod = await bed.runPod();
    const quick = await bed.run(pod, { command: ["sh", "-c", "sleep 0.7; exit 5"] });
    const idle = await bed.runIdle(pod);
    const pid = await idle.pid();
    await bed.engine.kill9();
    const earliest = BigInt(Date.now()) * 1_000_000n;
    process.kill(pid, "SIGKILL");
    await Bun.sleep(DOWN_MS);
    const latest = BigInt(Date.now()) * 1_000_000n;
    await bed.engine.start();
    expect(await quick.waitExit()).toMatchObject({ exitCode: 5, reason: "Error" });
    const killed = await idle.waitExit();
    expect(killed.exitCode).toBe(137);
    // The time it ended, not the time it was noticed; containerd tells the latter.
    if (bed.kind === "crib") {
      expect(killed.finishedAt).toBeGreaterThanOrEqual(earliest);
      expect(killed.finishedAt).toBeLessThan(latest - 500_000_000n);
    }
  });

  onlyCrib("loses its log pipe with the daemon")("misses no line that was written meanwhile", async () => {
    const script = "i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i; sleep 0.01; done; echo last $i";
    const container = await bed.run(await bed.runPod(), { command: ["sh", "-c", script] });
    await container.waitLog("20\n");
    await bed.engine.kill9();
    const seen = container.log().length;
    await waitUntil(() => container.log().length > seen + 20, { what: "lines are written while the daemon is dead" });
    await bed.engine.start();
    await container.exec(["touch", "/tmp/stop"]);
    await container.waitExit();
    const lines = (await container.waitLog("last")).trim().split("\n");
    const count = lines.length - 1;
    expect(lines.slice(0, count)).toEqual(Array.from({ length: count }, (_, index) => String(index + 1)));
    expect(lines.at(-1)).toBe(`last ${count}`);
  });

  test("keeps counting resources and takes new limits", async () => {
    const container = await bed.runIdle(await bed.runPod());
    await bed.engine.kill9();
    await bed.engine.start();
    await bed.cri.runtime.updateContainerResources({ containerId: container.id, linux: { cpuShares: 333n } });
    const { stats } = await bed.cri.runtime.containerStats({ containerId: container.id });
    expect(stats?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
  });

  test("remembers names: what is there is not made twice, what is gone is free", async () => {
    const metadata = { name: "survivor", uid: "u", namespace: "tests", attempt: 0 };
    const pod = await bed.runPod({ metadata });
    await bed.engine.kill9();
    await bed.engine.start();
    await codeOf(bed.runPod({ metadata, hostname: "another" }));
    expect((await bed.cri.runtime.listPodSandbox({})).items.map((item) => item.id)).toEqual([pod.id]);
    await pod.stop();
    await pod.remove();
    expect((await bed.runPod({ metadata })).id).not.toBe(pod.id);
  });

  test("finds its images", async () => {
    await bed.engine.kill9();
    await bed.engine.start();
    const image = { image: bed.registry.reference("busybox") };
    expect((await bed.cri.images.imageStatus({ image })).image?.id).toBe(bed.registry.image("busybox").imageId);
  });

  test("that is asked to stop leaves pods running too", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const pid = await container.pid();
    await bed.engine.restart();
    expect(await container.pid()).toBe(pid);
    expect(await container.sh("echo alive")).toBe("alive");
  });

  test("in the middle of an exec leaves no process of it behind when the container stops", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const exec = codeOf(container.exec(["sleep", "3602.5"], 0));
    await waitUntil(async () => (await container.sh("ps -o args")).includes("3602.5"), { what: "the exec runs" });
    await bed.engine.kill9();
    expect(await exec).not.toBe("OK");
    await bed.engine.start();
    await container.stop(0);
    await container.pod.remove();
  });
});
