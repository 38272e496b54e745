import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { ContainerState, NamespaceMode, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { encodeFrame } from "../../src/runtime/native/monitor/frames.ts";
import { WireWriter } from "../../src/runtime/native/plan/wire-writer.ts";
import { FrameKind } from "../../src/runtime/native/wire-numbers.ts";
import { countRows } from "../harness/count-rows.ts";
import { ended, theMonitor } from "../harness/monitor-process.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestContainer, TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const test = onlyCrib("keeps other files, in other places");

const directoryOf = (pod: TestPod): string => join(bed.engine.state, "pods", pod.id);

interface Running {
  readonly pod: TestPod;
  readonly container: TestContainer;
  readonly monitor: number;
  readonly pid: number;
}

async function running(): Promise<Running> {
  const pod = await bed.runPod();
  const container = await bed.runIdle(pod);
  return { pod, container, monitor: theMonitor(pod.id), pid: await container.pid() };
}

/** The daemon is killed, something happens to the host, and another daemon starts. */
async function restartAfter(meanwhile: () => unknown): Promise<void> {
  await bed.engine.kill9();
  await meanwhile();
  await bed.engine.start();
}

async function expectAlive({ pod, container, monitor, pid }: Running): Promise<void> {
  expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_READY);
  expect((await container.status()).state).toBe(ContainerState.CONTAINER_RUNNING);
  expect(await container.pid()).toBe(pid);
  expect(theMonitor(pod.id)).toBe(monitor);
}

async function expectRemovable({ pod, container, monitor, pid }: Running): Promise<void> {
  await pod.stop();
  expect((await container.status()).exitCode).toBe(137);
  await pod.remove();
  await ended(monitor);
  await ended(pid);
  expect(existsSync(directoryOf(pod))).toBe(false);
}

describe("a live pod", () => {
  test("whose monitor's socket was deleted stays as it is, and can be stopped and removed", async () => {
    const lost = await running();
    await restartAfter(() => rmSync(join(directoryOf(lost.pod), "monitor.sock")));
    await expectAlive(lost);
    await expectRemovable(lost);
  });

  test("whose state directory was deleted stays as it is, and can be stopped and removed", async () => {
    const lost = await running();
    const mounts = ["shm", "etc"].map((name) => join(directoryOf(lost.pod), name));
    // Until then its files are all there is of it.
    await waitUntil(() => countRows(bed.engine, "containers", "running") > 0, {
      what: "the container's row is written",
    });
    await restartAfter(() => {
      for (const path of mounts) Bun.spawnSync(["umount", "-l", path]);
      rmSync(directoryOf(lost.pod), { recursive: true });
    });
    await expectAlive(lost);
    await expectRemovable(lost);
  });

  test("whose monitor speaks another version of the protocol stays as it is, and can be stopped and removed", async () => {
    const old = await running();
    const socket = join(directoryOf(old.pod), "monitor.sock");
    let server: Server | undefined;
    await restartAfter(async () => {
      rmSync(socket);
      server = await refuseHello(socket);
    });
    await expectAlive(old);
    server?.close();
    await expectRemovable(old);
  });
});

/** A monitor of a later crib, as far as a hello goes: EPROTONOSUPPORT. */
async function refuseHello(path: string): Promise<Server> {
  const refusal = new WireWriter().u32(93).u16(0).u16(0).string("hello").string("version 99").written();
  const server = createServer((peer) => {
    peer.on("data", () => peer.write(encodeFrame(FrameKind.error, 1, refusal)));
    peer.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

describe("an exit record that cannot be read", () => {
  const replacements: readonly (readonly [string, (path: string) => void])[] = [
    ["empty", (path) => writeFileSync(path, "")],
    ["a directory", (path) => mkdirSync(path)],
    ["a FIFO", (path) => Bun.spawnSync(["mkfifo", path])],
    ["endless", (path) => writeFileSync(path, "1 ".repeat(1 << 20))],
  ];
  for (const [what, replace] of replacements) {
    test(`because it is ${what} keeps neither the daemon from starting nor the pod from being removed`, async () => {
      const pod = await bed.runPod();
      const container = await bed.run(pod, { command: ["sh", "-c", "exit 7"] });
      await container.waitExit();
      const second = await bed.runIdle(pod);
      const monitor = theMonitor(pod.id);
      await restartAfter(async () => {
        process.kill(monitor, "SIGKILL");
        await ended(monitor);
        const record = join(directoryOf(pod), "exit", second.id);
        rmSync(record, { force: true, recursive: true });
        replace(record);
      });
      expect((await second.waitExit()).exitCode).toBe(255);
      await waitUntil(async () => (await pod.status()).state === PodSandboxState.SANDBOX_NOTREADY, {
        what: "the pod is not ready",
      });
      await pod.remove();
      expect(existsSync(directoryOf(pod))).toBe(false);
    });
  }
});

describe("a monitor killed while no daemon runs", () => {
  test("leaves neither the init of a shared pid namespace nor a container", async () => {
    const shared = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } } };
    const pod = await bed.runPod(shared);
    const container = await bed.runIdle(pod, shared);
    const pid = await container.pid();
    const { info } = await bed.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: true });
    const { initPid = 0 } = JSON.parse(info.info ?? "{}") as { readonly initPid?: number };
    await restartAfter(() => process.kill(theMonitor(pod.id), "SIGKILL"));
    await ended(initPid);
    await ended(pid);
    await container.waitExit();
    await pod.remove();
  });
});
