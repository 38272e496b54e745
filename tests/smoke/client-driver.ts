import { readFileSync } from "node:fs";
import { type DescMessage, fromJsonString, type Message, toJsonString } from "@bufbuild/protobuf";
import * as api from "../../src/gen/runtime/v1/api_pb.ts";
import type { CriClient } from "../harness/cri-client.ts";
import { codeOf } from "../harness/error-code.ts";
import type { SmokeDriver } from "./driver.ts";

/** The same verbs through this project's own CRI client, where crictl is absent. Answers are the replies as JSON. */
export function clientDriver(cri: CriClient): SmokeDriver {
  const { runtime, images } = cri;
  const json = <T extends Message>(schema: DescMessage, message: T): string =>
    toJsonString(schema, message, { alwaysEmitImplicit: true });
  const image = (reference: string) => ({ image: { image: reference } });
  const pod = (file: string) => fromJsonString(api.PodSandboxConfigSchema, readFileSync(file, "utf8"));
  const container = (file: string) => fromJsonString(api.ContainerConfigSchema, readFileSync(file, "utf8"));
  return {
    name: "the project's own client",
    version: async () => json(api.VersionResponseSchema, await runtime.version({})),
    info: async () => json(api.StatusResponseSchema, await runtime.status({ verbose: true })),
    pull: async (reference) => json(api.PullImageResponseSchema, await images.pullImage(image(reference))),
    images: async () => json(api.ListImagesResponseSchema, await images.listImages({})),
    inspecti: async (reference) =>
      json(api.ImageStatusResponseSchema, await images.imageStatus({ ...image(reference), verbose: true })),
    runp: async (podFile) => (await runtime.runPodSandbox({ config: pod(podFile) })).podSandboxId,
    create: async (podSandboxId, containerFile, podFile) => {
      const request = { podSandboxId, config: container(containerFile), sandboxConfig: pod(podFile) };
      return (await runtime.createContainer(request)).containerId;
    },
    start: async (containerId) => json(api.StartContainerResponseSchema, await runtime.startContainer({ containerId })),
    ps: async () => json(api.ListContainersResponseSchema, await runtime.listContainers({})),
    pods: async () => json(api.ListPodSandboxResponseSchema, await runtime.listPodSandbox({})),
    execSync: async (containerId, cmd) => {
      const { stdout, exitCode } = await runtime.execSync({ containerId, cmd: [...cmd], timeout: 10n });
      if (exitCode !== 0) throw new Error(`exec ${cmd.join(" ")}: exit ${exitCode}`);
      return new TextDecoder().decode(stdout).trim();
    },
    logs: async (containerId) => {
      const { status } = await runtime.containerStatus({ containerId });
      return readFileSync(status?.logPath ?? "", "utf8");
    },
    inspect: async (containerId) =>
      json(api.ContainerStatusResponseSchema, await runtime.containerStatus({ containerId, verbose: true })),
    inspectp: async (podSandboxId) =>
      json(api.PodSandboxStatusResponseSchema, await runtime.podSandboxStatus({ podSandboxId, verbose: true })),
    stats: async (containerId) => json(api.ContainerStatsResponseSchema, await runtime.containerStats({ containerId })),
    statsp: async (podSandboxId) =>
      json(api.PodSandboxStatsResponseSchema, await runtime.podSandboxStats({ podSandboxId })),
    events() {
      const abort = new AbortController();
      let seen = "";
      const reading = codeOf(
        (async () => {
          const stream = runtime.getContainerEvents({}, { signal: abort.signal, timeoutMs: 0 });
          for await (const event of stream) seen += `${json(api.ContainerEventResponseSchema, event)}\n`;
        })(),
      );
      return {
        text: () => seen,
        async stop() {
          abort.abort();
          await reading;
        },
      };
    },
    stop: async (containerId) =>
      json(api.StopContainerResponseSchema, await runtime.stopContainer({ containerId, timeout: 0n })),
    rm: async (containerId) => json(api.RemoveContainerResponseSchema, await runtime.removeContainer({ containerId })),
    stopp: async (podSandboxId) =>
      json(api.StopPodSandboxResponseSchema, await runtime.stopPodSandbox({ podSandboxId })),
    rmp: async (podSandboxId) =>
      json(api.RemovePodSandboxResponseSchema, await runtime.removePodSandbox({ podSandboxId })),
    rmi: async (reference) => json(api.RemoveImageResponseSchema, await images.removeImage(image(reference))),
  };
}
