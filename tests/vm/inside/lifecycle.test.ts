import { describe, expect, test } from "bun:test";
import { ContainerState, PodSandboxState } from "../../../src/gen/runtime/v1/api_pb.ts";
import type { TestContainer } from "../../harness/test-container.ts";
import { useTestBed } from "../../harness/use-test-bed.ts";
import { ownUsers } from "../../harness/user-namespace.ts";

const bed = useTestBed({ images: ["busybox", "whiteout"] });
const MIB = 1024n * 1024n;
const isV2 = process.env.CRIB_VM_LAYOUT === "v2";
const memoryLimitFile = isV2 ? "/sys/fs/cgroup/memory.max" : "/sys/fs/cgroup/memory/memory.limit_in_bytes";

const stats = async (container: TestContainer) =>
  (await bed.cri.runtime.containerStats({ containerId: container.id })).stats;

test("a pod lives through the death of its daemon, and leaves nothing", async () => {
  const pod = await bed.runPod();
  const container = await bed.runIdle(pod, { linux: { resources: { memoryLimitInBytes: 64n * MIB } } });
  expect(await container.sh("hostname; id -u")).not.toBe("");
  const before = await stats(container);
  expect(before?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);

  await bed.engine.kill9();
  await bed.engine.start();

  const { items } = await bed.cri.runtime.listPodSandbox({});
  expect(items.map(({ id, state }) => [id, state])).toEqual([[pod.id, PodSandboxState.SANDBOX_READY]]);
  expect((await container.status()).state).toBe(ContainerState.CONTAINER_RUNNING);
  await bed.cri.runtime.updateContainerResources({
    containerId: container.id,
    linux: { memoryLimitInBytes: 96n * MIB },
  });
  expect(await container.sh(`cat ${memoryLimitFile}`)).toBe(String(96n * MIB));
  const after = await stats(container);
  expect(after?.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(before?.cpu?.usageCoreNanoSeconds?.value ?? 0n);
  const podStats = await bed.cri.runtime.podSandboxStats({ podSandboxId: pod.id });
  expect(podStats.stats?.linux?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);

  await container.stop();
  expect((await container.status()).state).toBe(ContainerState.CONTAINER_EXITED);
  await container.remove();
  await pod.stop();
  await pod.remove();
  expect((await bed.cri.runtime.listPodSandbox({})).items).toEqual([]);
});

test("a container that eats its memory is OOMKilled, and its neighbour is not", async () => {
  const pod = await bed.runPod();
  const idle = await bed.runIdle(pod);
  const resources = { memoryLimitInBytes: 32n * MIB, memorySwapLimitInBytes: 32n * MIB };
  const eater = await bed.run(pod, { command: ["tail", "/dev/zero"], linux: { resources } });
  expect(await eater.waitExit()).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  expect(await idle.sh("echo alive")).toBe("alive");
});

describe("several layers", () => {
  const look = "cat replaced opaque/new && ls -R .";

  test("are one root, and one volume", async () => {
    const pod = await bed.runPod();
    const image = { image: bed.registry.reference("whiteout") };
    const container = await bed.runIdle(pod, {
      image: "whiteout",
      mounts: [{ containerPath: "/image", image, readonly: true }],
    });
    const root = await container.sh(`cd /w && ${look}`);
    expect(root).toStartWith("uppernew");
    expect(root).not.toContain("removed");
    expect(await container.sh(`cd /image/w && ${look}`)).toBe(root);
  });

  test("are one root with ids of a user namespace", async () => {
    const namespaceOptions = ownUsers();
    const securityContext = { namespaceOptions };
    const pod = await bed.runPod({ linux: { securityContext } });
    const container = await bed.runIdle(pod, { image: "whiteout", linux: { securityContext } });
    expect(await container.sh("stat -c %u /w/kept; echo x >/w/made; stat -c %u /w/made")).toBe("0\n0");
  });
});
