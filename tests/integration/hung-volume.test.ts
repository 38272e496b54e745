import { describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ContainerState, NamespaceMode, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { ended, processState, theMonitor } from "../harness/monitor-process.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { mountSilentFs, type SilentFs } from "../harness/silent-fs.ts";
import type { ContainerRequest } from "../harness/test-bed.ts";
import type { TestPod } from "../harness/test-container.ts";
import { timeFactor } from "../harness/time-factor.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const test = onlyCrib("waits with its volumes");
let mounted = 0;

/** What has nothing to do with the volume must not take longer. */
const AT_ONCE_MS = 2_000 * timeFactor();
/** What has to give up on a process that does not die. */
const PATIENT_MS = 20_000 * timeFactor();

async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const late = Bun.sleep(ms).then(() => {
    throw new Error(`${what} took over ${ms} ms`);
  });
  return await Promise.race([work, late]);
}

function hungFs(): Promise<SilentFs> {
  mounted += 1;
  return mountSilentFs(join(bed.engine.directory, `silent-${mounted}`));
}

function withVolume({ path }: SilentFs, name = "file"): ContainerRequest {
  return { mounts: [{ hostPath: join(path, name), containerPath: "/v" }] };
}

test("a volume that hangs, asked for more often than processes may wait, keeps no other pod from being made", async () => {
  await using fs = await hungFs();
  const pod = await bed.runPod();
  await fs.silence();
  // As a kubelet that asks again, in less time.
  const refused = await Promise.all(Array.from({ length: 40 }, () => codeOf(bed.create(pod, withVolume(fs)))));
  expect(new Set(refused)).toEqual(new Set(["DeadlineExceeded"]));
  const startMs = performance.now();
  expect(await codeOf(bed.create(pod, withVolume(fs)))).toBe("DeadlineExceeded");
  expect(performance.now() - startMs).toBeLessThan(AT_ONCE_MS);
  const beside = await within(AT_ONCE_MS, "a pod beside it", bed.runIdle(await bed.runPod()));
  expect(await beside.sh("echo well")).toBe("well");
});

describe("a volume that hangs between create and start", () => {
  for (const [mode, pid] of [
    ["of its own", NamespaceMode.CONTAINER],
    ["shared", NamespaceMode.POD],
  ] as const) {
    test(`in a pod with a pid namespace ${mode}: neighbours are used and stopped, and all goes when it answers`, async () => {
      const namespaces = { linux: { securityContext: { namespaceOptions: { pid } } } };
      await using fs = await hungFs();
      const pod = await bed.runPod(namespaces);
      const neighbour = await bed.runIdle(pod, namespaces);
      const neighbourPid = await neighbour.pid();
      const hung = await bed.create(pod, { ...withVolume(fs), ...namespaces });
      await fs.silence();
      const start = codeOf(hung.start());
      await waitUntil(() => hangsIn(pod), { what: "the start hangs" });

      expect(await within(AT_ONCE_MS, "exec beside it", neighbour.sh("echo well"))).toBe("well");
      expect((await within(AT_ONCE_MS, "its status", hung.status())).state).toBe(ContainerState.CONTAINER_CREATED);
      const later = await within(AT_ONCE_MS, "a start beside it", bed.runIdle(pod, namespaces));
      await within(AT_ONCE_MS, "a stop beside it", later.stop(0));
      await within(AT_ONCE_MS, "a removal beside it", later.remove());

      const stopped = within(PATIENT_MS, "stop of the pod", pod.stop());
      await within(AT_ONCE_MS, "end of the neighbour", ended(neighbourPid));
      await stopped;
      expect(await start).not.toBe("OK");
      expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      expect(await hung.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, reason: "StartError" });

      await fs.abort();
      await within(PATIENT_MS, "removal of the pod", removed(pod));
    });
  }

  test("is stopped and removed alone, as soon as it answers", async () => {
    await using fs = await hungFs();
    const pod = await bed.runPod();
    const neighbour = await bed.runIdle(pod);
    const hung = await bed.create(pod, withVolume(fs));
    await fs.silence();
    const start = codeOf(hung.start());
    await waitUntil(() => hangsIn(pod), { what: "the start hangs" });
    await within(PATIENT_MS, "its stop", hung.stop(1));
    expect(await start).toBe("FailedPrecondition");
    expect((await hung.status()).state).toBe(ContainerState.CONTAINER_EXITED);
    expect(await within(PATIENT_MS, "its removal", codeOf(hung.remove()))).toBe("DeadlineExceeded");
    await fs.abort();
    await waitUntil(() => codeOf(hung.remove()).then((code) => code === "OK"), { what: "it is removed" });
    expect(await neighbour.sh("echo well")).toBe("well");
  });
});

describe("a volume that hangs before create", () => {
  test("fails the create, and holds up nobody else", async () => {
    await using fs = await hungFs();
    const pod = await bed.runPod();
    const other = await bed.runIdle(pod);
    await fs.silence();
    const create = codeOf(bed.create(pod, withVolume(fs, "elsewhere/below")));
    expect(await within(AT_ONCE_MS, "exec meanwhile", other.sh("echo well"))).toBe("well");
    await within(AT_ONCE_MS, "version meanwhile", bed.cri.runtime.version({}));
    expect(await within(PATIENT_MS, "create", create)).toBe("DeadlineExceeded");
    expect(processState(bed.engine.pid)).not.toBe("D");
    await within(AT_ONCE_MS, "another create", bed.runIdle(pod));
  });

  test("leaves a killed daemon's place to the next", async () => {
    await using fs = await hungFs();
    const pod = await bed.runPod();
    const other = await bed.runIdle(pod);
    await fs.silence();
    const create = codeOf(bed.create(pod, withVolume(fs, "elsewhere")));
    await within(AT_ONCE_MS, "version meanwhile", bed.cri.runtime.version({}));
    await bed.engine.kill9();
    await create;
    await within(PATIENT_MS, "start of the next daemon", bed.engine.start());
    expect(await other.sh("echo well")).toBe("well");
  });
});

describe("a container on a volume that hangs", () => {
  test("is listed, counted and stopped with an error that says where it waits", async () => {
    await using fs = await hungFs();
    const pod = await bed.runPod();
    const other = await bed.runIdle(pod);
    const reader = await bed.run(pod, {
      ...withVolume(fs),
      command: ["sh", "-c", "while :; do cat /v >/dev/null; sleep 0.02; done"],
    });
    await fs.silence();
    await waitUntil(async () => (await other.sh("true")) === "", { what: "the neighbour answers" });
    await within(AT_ONCE_MS, "list", bed.cri.runtime.listContainers({}));
    await within(AT_ONCE_MS, "stats", bed.cri.runtime.listContainerStats({}));
    await within(PATIENT_MS, "stop", codeOf(reader.stop(0)));
    await fs.abort();
    await within(PATIENT_MS, "stop of the pod", pod.stop());
  });

  test("N7: keeps no command longer than its timeout, and no stage of one", async () => {
    await using fs = await hungFs();
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod, {
      mounts: [{ hostPath: fs.path, containerPath: "/v" }],
      workingDir: "/work",
    });
    // The stage looks for the working directory before it is anything of the container's.
    await container.sh("rmdir /work && ln -s /v/elsewhere /work");
    const monitor = theMonitor(pod.id);
    const before = descendants(monitor).length;
    await fs.silence();
    const began = performance.now();
    expect(await codeOf(container.exec(["true"], 2))).toBe("DeadlineExceeded");
    expect(performance.now() - began).toBeWithin(1_950, 2_000 + AT_ONCE_MS);
    // It is killed, and dies when the kernel lets go of it.
    await fs.abort();
    await waitUntil(() => descendants(monitor).length === before, { what: "the stage is gone" });
    await within(PATIENT_MS, "stop of the pod", pod.stop());
  });
});

describe("a log on a file system that hangs", () => {
  test("holds its pod's monitor, and neither the pod's stop nor anybody else", async () => {
    await using fs = await hungFs();
    const other = await bed.runIdle(await bed.runPod());
    const pod = await bed.runPod({ logDirectory: fs.path });
    const talker = await bed.run(pod, {
      logPath: "file",
      command: ["sh", "-c", "while :; do echo line; sleep 0.02; done"],
    });
    const pid = await talker.pid();
    await fs.silence();
    await waitUntil(() => /request_wait|fuse/.test(read(`/proc/${theMonitor(pod.id)}/wchan`)), {
      what: "the monitor waits for its log",
    });
    await within(AT_ONCE_MS, "list", bed.cri.runtime.listContainers({}));
    await within(AT_ONCE_MS, "exec elsewhere", other.sh("true"));
    await within(PATIENT_MS, "stop", talker.stop(0));
    expect(await talker.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
    await within(PATIENT_MS, "stop of the pod", pod.stop());
    expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    await ended(pid);
    await fs.abort();
    await within(PATIENT_MS, "removal of the pod", removed(pod));
  });
});

/** Whether a process below the pod's monitor waits for the file system. */
function hangsIn(pod: TestPod): boolean {
  return descendants(theMonitor(pod.id)).some((pid) => /request_wait|fuse/.test(read(`/proc/${pid}/wchan`)));
}

function descendants(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)
    .split(" ")
    .filter((text) => text !== "")
    .map(Number);
  return [...children, ...children.flatMap(descendants)];
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

async function removed(pod: TestPod): Promise<void> {
  await waitUntil(() => codeOf(pod.remove()).then((code) => code === "OK"), { what: "the pod is removed" });
}
