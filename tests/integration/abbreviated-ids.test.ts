import { describe, expect, test } from "bun:test";
import { ContainerState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

/** People write half an id wherever a whole one goes, and containerd's own tests do so in every call. */
const bed = useTestBed();
const half = (id: string): string => id.slice(0, Math.ceil(id.length / 2));

describe("half an id stands for all of it", () => {
  test("an image's", async () => {
    const id = await bed.pull("busybox");
    const { image } = await bed.cri.images.imageStatus({ image: { image: half(id) } });
    expect(image?.id).toBe(id);
  });

  test("a pod's and a container's, through their whole lives", async () => {
    const { runtime } = bed.cri;
    const pod = await bed.runPod();
    const podSandboxId = half(pod.id);
    expect((await runtime.podSandboxStatus({ podSandboxId })).status?.id).toBe(pod.id);
    expect((await runtime.portForward({ podSandboxId, port: [80] })).url).not.toBe("");
    expect((await runtime.podSandboxStats({ podSandboxId })).stats?.attributes?.id).toBe(pod.id);

    const container = await bed.create(pod, { command: ["/bin/pause"] });
    const containerId = half(container.id);
    await runtime.startContainer({ containerId });
    expect((await runtime.containerStatus({ containerId })).status?.id).toBe(container.id);
    expect((await runtime.listContainers({ filter: { id: containerId } })).containers).toHaveLength(1);
    expect((await runtime.containerStats({ containerId })).stats?.attributes?.id).toBe(container.id);
    await runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 50n * 1024n * 1024n } });
    expect((await runtime.exec({ containerId, cmd: ["pwd"], stdout: true })).url).not.toBe("");
    const { stdout } = await runtime.execSync({ containerId, cmd: ["pwd"], timeout: 10n });
    expect(Buffer.from(stdout).toString()).toBe("/\n");

    await runtime.stopContainer({ containerId, timeout: 10n });
    expect((await container.status()).state).toBe(ContainerState.CONTAINER_EXITED);
    await runtime.removeContainer({ containerId });
    expect(await codeOf(runtime.containerStatus({ containerId }))).toBe("NotFound");
    await runtime.stopPodSandbox({ podSandboxId });
    await runtime.removePodSandbox({ podSandboxId });
    expect(await codeOf(runtime.podSandboxStatus({ podSandboxId }))).toBe("NotFound");
  });
});
