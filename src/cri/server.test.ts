import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { fakeImage } from "../../tests/fixtures/fake-images.ts";
import { fakeContainer, fakeImageId, fakeSandbox } from "../../tests/fixtures/fake-records.ts";
import { startTestServer, type TestServer } from "../../tests/fixtures/cri-server.ts";
import { CribError } from "../errors/crib-error.ts";
import {
  CgroupDriver,
  ContainerEventType,
  ContainerState,
  ImageService,
  ListContainersResponseSchema,
  NamespaceMode,
  PodSandboxState,
  RuntimeService,
  Signal,
} from "../gen/runtime/v1/api_pb.ts";
import type { UnixNanos } from "../ids/units.ts";
import { toContainer } from "./convert/container.ts";

async function failure(work: Promise<unknown>): Promise<ConnectError> {
  try {
    await work;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("expected a failure");
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${what} did not happen in 5 s`);
}

const podConfig = { metadata: { name: "p", namespace: "default", uid: "u" } };

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("node and runtime", () => {
  test("Version names crib", async () => {
    const reply = await server.runtime.version({});
    expect(reply).toMatchObject({ version: "0.1.0", runtimeName: "crib", runtimeVersion: "1.2.3", runtimeApiVersion: "v1" });
  });

  test("Status tells conditions, handlers and features", async () => {
    const reply = await server.runtime.status({ verbose: true });
    expect(reply.status?.conditions.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ["RuntimeReady", true, ""],
      ["NetworkReady", false, "NoConfig"],
    ]);
    expect(reply.runtimeHandlers.map(({ name }) => name)).toEqual(["", "crib"]);
    expect(reply.features?.supplementalGroupsPolicy).toBe(true);
    expect(JSON.parse(reply.info["info"] ?? "").config.root).toBe("/var/lib/crib");
    expect((await server.runtime.status({})).info).toEqual({});
  });

  test("RuntimeConfig tells the cgroup driver", async () => {
    expect((await server.runtime.runtimeConfig({})).linux?.cgroupDriver).toBe(CgroupDriver.CGROUPFS);
  });

  test("UpdateRuntimeConfig hands the pod range on, and only a sound one", async () => {
    await server.runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: "10.1.0.0/24,fd00::/64" } } });
    await server.runtime.updateRuntimeConfig({});
    expect(server.podCidrs).toEqual(["10.1.0.0/24,fd00::/64"]);
    const error = await failure(server.runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: "10.1.0.0/99" } } }));
    expect(error.code).toBe(Code.InvalidArgument);
  });

  test.each(["exec", "attach", "portForward", "checkpointContainer", "checkpointPod", "restorePod"] as const)(
    "%s says that it is not implemented",
    async (rpc) => {
      const error = await failure(server.runtime[rpc]({}));
      expect(error.code).toBe(Code.Unimplemented);
      expect(error.rawMessage.length).toBeGreaterThan(30);
    },
  );

  test("every RPC of both services has a handler", async () => {
    for (const service of [RuntimeService, ImageService]) {
      for (const method of service.methods) {
        const client: object = service === RuntimeService ? server.runtime : server.image;
        const call = Reflect.get(client, method.localName) as (request: object, options: object) => unknown;
        const controller = new AbortController();
        const outcome = call({}, { signal: controller.signal });
        if (method.name === "GetContainerEvents") {
          const iterator = (outcome as AsyncIterable<unknown>)[Symbol.asyncIterator]();
          const first = iterator.next();
          controller.abort();
          expect((await failure(first)).code).toBe(Code.Canceled);
          continue;
        }
        const error = await (method.methodKind === "unary" ? (outcome as Promise<unknown>) : collect(outcome as AsyncIterable<unknown>)).then(
          () => undefined,
          (thrown: unknown) => ConnectError.from(thrown),
        );
        expect([method.name, error?.rawMessage ?? ""]).not.toEqual([method.name, expect.stringContaining("is not implemented")]);
        expect([Code.Internal, Code.Unknown]).not.toContain(error?.code as Code);
      }
    }
  });
});

describe("pods", () => {
  test("RunPodSandbox hands a valid config on and answers the id", async () => {
    const reply = await server.runtime.runPodSandbox({
      config: { ...podConfig, hostname: "host-1", labels: { a: "b" }, logDirectory: "/var/log/pods/x" },
      runtimeHandler: "crib",
    });
    expect(reply.podSandboxId).toMatch(/^[0-9a-f]{64}$/);
    const [verb, config, handler] = server.pods.calls.at(-1) ?? [];
    expect([verb, handler]).toEqual(["runSandbox", "crib"]);
    expect(config).toMatchObject({ hostname: "host-1", labels: { a: "b" } });
  });

  test("a label called __proto__ is data, all the way", async () => {
    const labels: Record<string, string> = Object.fromEntries([["__proto__", "x"], ["constructor", "y"]]);
    await server.runtime.runPodSandbox({ config: { ...podConfig, labels } });
    const config = server.pods.calls.at(-1)?.[1] as { labels: Record<string, string> };
    expect(Object.entries(config.labels)).toEqual([["__proto__", "x"], ["constructor", "y"]]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();

    const record = fakeSandbox();
    const labelled = fakeSandbox({ config: { ...record.config, labels } });
    server.pods.sandboxRecords.push(record, labelled);
    const { items } = await server.runtime.listPodSandbox({ filter: { labelSelector: labels } });
    expect(items.map(({ id }) => id)).toEqual([labelled.id]);
    expect(Object.entries(items[0]?.labels ?? {})).toEqual([["__proto__", "x"], ["constructor", "y"]]);
  });

  test("an unknown runtime handler is refused by name", async () => {
    const error = await failure(server.runtime.runPodSandbox({ config: podConfig, runtimeHandler: "kata" }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.rawMessage).toContain('"kata"');
    expect(error.rawMessage).toContain('"crib"');
  });

  test("PodSandboxStatus tells addresses, containers and the moment", async () => {
    const sandbox = fakeSandbox();
    const container = fakeContainer(sandbox);
    server.pods.sandboxRecords.push(sandbox);
    server.pods.containerRecords.push(container);
    const reply = await server.runtime.podSandboxStatus({ podSandboxId: sandbox.id, verbose: true });
    expect(reply.status).toMatchObject({ id: sandbox.id, state: PodSandboxState.SANDBOX_READY, createdAt: sandbox.createdAtNs });
    expect(reply.status?.network?.ip).toBe("10.88.0.2");
    expect(reply.status?.network?.additionalIps.map(({ ip }) => ip)).toEqual(["fd00::2"]);
    expect(reply.containersStatuses.map(({ id }) => id)).toEqual([container.id]);
    expect(reply.timestamp > sandbox.createdAtNs).toBe(true);
    const info = JSON.parse(reply.info["info"] ?? "");
    expect(info).toMatchObject({ pid: 4242, runtimeType: "crib", cniResult: { cniVersion: "1.1.0" } });
    expect(info.config.metadata.name).toBe("web");
  });

  test("ListPodSandbox filters by id prefix, state and labels", async () => {
    await using own = await startTestServer();
    const ready = fakeSandbox();
    const stopped = fakeSandbox({ state: "notready" });
    own.pods.sandboxRecords.push(ready, stopped);
    const ids = async (filter: Parameters<typeof own.runtime.listPodSandbox>[0]["filter"]) =>
      (await own.runtime.listPodSandbox(filter === undefined ? {} : { filter })).items.map(({ id }) => id as string);
    expect(await ids(undefined)).toEqual([ready.id, stopped.id]);
    expect(await ids({ id: stopped.id.slice(0, 12) })).toEqual([stopped.id]);
    expect(await ids({ state: { state: PodSandboxState.SANDBOX_NOTREADY } })).toEqual([stopped.id]);
    expect(await ids({ labelSelector: { app: "web" } })).toEqual([ready.id, stopped.id]);
    expect(await ids({ labelSelector: { constructor: "x" } })).toEqual([]);
    expect(await ids({ id: "ffff" })).toEqual([]);
    const streamed = await collect(own.runtime.streamPodSandboxes({ filter: { id: ready.id } }));
    expect(streamed.flatMap(({ podSandboxes }) => podSandboxes.map(({ id }) => id as string))).toEqual([ready.id]);
  });
});

describe("containers", () => {
  test("status says the same image id everywhere, the user, the resources and the stop signal", async () => {
    const sandbox = fakeSandbox();
    const container = fakeContainer(sandbox);
    server.pods.sandboxRecords.push(sandbox);
    server.pods.containerRecords.push(container);
    const { status, info } = await server.runtime.containerStatus({ containerId: container.id, verbose: true });
    expect(status).toMatchObject({
      state: ContainerState.CONTAINER_RUNNING,
      imageId: fakeImageId,
      imageRef: fakeImageId,
      createdAt: container.createdAtNs,
      startedAt: container.startedAtNs,
      stopSignal: Signal.SIGTERM,
      logPath: "/var/log/pods/default_web_u1/main/1.log",
    });
    expect(status?.image).toMatchObject({ image: "docker.io/library/busybox:1.36", userSpecifiedImage: "busybox:1.36" });
    expect(status?.user?.linux).toMatchObject({ uid: 1000n, gid: 1001n, supplementalGroups: [1001n, 2000n] });
    expect(status?.resources?.linux?.memoryLimitInBytes).toBe(1n << 40n);
    expect(status?.mounts[0]).toMatchObject({ containerPath: "/data", readonly: true });
    expect(JSON.parse(info["info"] ?? "")).toMatchObject({ sandboxID: sandbox.id, pid: 4243, runtimeSpec: { ociVersion: "1.2.0" } });
    const [listed] = (await server.runtime.listContainers({ filter: { id: container.id } })).containers;
    expect(listed).toMatchObject({ imageId: fakeImageId, imageRef: fakeImageId, podSandboxId: sandbox.id });
    expect((await server.image.imageStatus({ image: { image: fakeImageId } })).image?.id).toBe(fakeImageId);
  });

  test("an exited container tells code and reason, and has no pid", async () => {
    const sandbox = fakeSandbox();
    const container = fakeContainer(sandbox, { state: "exited", exitCode: 137, reason: "OOMKilled", finishedAtNs: 9n as UnixNanos });
    server.pods.containerRecords.push(container);
    const { status, info } = await server.runtime.containerStatus({ containerId: container.id.slice(0, 13), verbose: true });
    expect(status).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137, reason: "OOMKilled", finishedAt: 9n });
    expect(JSON.parse(info["info"] ?? "").pid).toBe(0);
  });

  test("the streamed list is the list, in batches", async () => {
    await using own = await startTestServer();
    const sandbox = fakeSandbox();
    for (let i = 0; i < 1201; i += 1) own.pods.containerRecords.push(fakeContainer(sandbox));
    const { containers } = await own.runtime.listContainers({});
    const streamed = await collect(own.runtime.streamContainers({}));
    expect(streamed.map(({ containers: batch }) => batch.length)).toEqual([500, 500, 201]);
    expect(streamed.flatMap((message) => message.containers.map(({ id }) => id))).toEqual(containers.map(({ id }) => id));
  });

  test("StopContainer passes the grace on", async () => {
    await server.runtime.stopContainer({ containerId: "abc", timeout: 7n });
    expect(server.pods.calls.at(-1)).toEqual(["stopContainer", "abc", 7n]);
    expect((await failure(server.runtime.stopContainer({ containerId: "abc", timeout: -1n }))).code).toBe(Code.InvalidArgument);
  });

  test("ExecSync answers output and exit code", async () => {
    const container = fakeContainer(fakeSandbox());
    server.pods.containerRecords.push(container);
    const reply = await server.runtime.execSync({ containerId: container.id, cmd: ["echo", "x"], timeout: 3n });
    expect([new TextDecoder().decode(reply.stdout), reply.exitCode]).toEqual(["out", 3]);
    expect(server.pods.calls.at(-1)?.[1]).toEqual({ containerId: container.id, command: ["echo", "x"], timeoutSeconds: 3n });
    expect((await failure(server.runtime.execSync({ containerId: container.id }))).code).toBe(Code.InvalidArgument);
  });

  test("an unknown id is NotFound, by name", async () => {
    const error = await failure(server.runtime.containerStatus({ containerId: "beef" }));
    expect([error.code, error.rawMessage]).toEqual([Code.NotFound, 'container "beef" not found']);
  });
});

describe("images", () => {
  test("PullImage answers the image's id and passes credentials only when there are some", async () => {
    const reply = await server.image.pullImage({ image: { image: "busybox:1.36" }, auth: { username: "u", password: "p" } });
    expect(reply.imageRef).toBe(fakeImageId);
    expect(server.images.pulls.at(-1)).toMatchObject({ reference: "busybox:1.36", credentials: { username: "u", password: "p" } });
    await server.image.pullImage({ image: { image: "busybox:1.36" }, auth: {} });
    expect(server.images.pulls.at(-1)?.credentials).toBeUndefined();
    expect((await failure(server.image.pullImage({ image: { image: "nope" } }))).code).toBe(Code.NotFound);
  });

  test("ImageStatus of an absent image is an answer without one", async () => {
    expect((await server.image.imageStatus({ image: { image: "nope" } })).image).toBeUndefined();
    const { image, info } = await server.image.imageStatus({ image: { image: "busybox:1.36" }, verbose: true });
    expect(image).toMatchObject({ id: fakeImageId, size: fakeImage.sizeBytes, username: "" });
    expect(image?.uid?.value).toBe(1000n);
    expect(JSON.parse(info["info"] ?? "").imageSpec.os).toBe("linux");
  });

  test("ListImages honours its filter", async () => {
    expect((await server.image.listImages({})).images).toHaveLength(1);
    expect((await server.image.listImages({ filter: { image: { image: "busybox:1.36" } } })).images).toHaveLength(1);
    expect((await server.image.listImages({ filter: { image: { image: "other" } } })).images).toHaveLength(0);
    expect((await collect(server.image.streamImages({}))).flatMap(({ images }) => images)).toHaveLength(1);
  });

  test("RemoveImage and ImageFsInfo", async () => {
    await server.image.removeImage({ image: { image: "busybox:1.36" } });
    expect(server.images.removed).toEqual(["busybox:1.36"]);
    const reply = await server.image.imageFsInfo({});
    expect(reply.imageFilesystems[0]?.usedBytes?.value).toBe(1n << 40n);
    expect(reply.containerFilesystems[0]?.fsId?.mountpoint).toBe("/var/lib/crib");
  });

  test("Engine.Pull tells the way and ends with the id", async () => {
    const updates = (await collect(server.engine.pull({ reference: "busybox:1.36" }))).map(({ update }) => update);
    expect(updates[0]?.case).toBe("resolved");
    expect(updates.at(-1)).toMatchObject({ case: "done", value: { imageId: fakeImageId } });
    // A thousand updates made at once reach a reader as few: only the latest of a layer counts.
    expect(updates.length).toBeLessThan(10);
    expect((await failure(collect(server.engine.pull({ reference: "nope" })))).code).toBe(Code.NotFound);
    expect((await failure(collect(server.engine.pull({})))).code).toBe(Code.InvalidArgument);
  });

  test("Engine.Info tells who answers", async () => {
    expect(await server.engine.info({})).toMatchObject({ version: "1.2.3", root: "/var/lib/crib", cgroupMode: "v2", pid: 77n });
  });
});

describe("stats and metrics", () => {
  test("numbers arrive whole, in the API's units, and only those measured", async () => {
    await using own = await startTestServer();
    const sandbox = fakeSandbox();
    const running = fakeContainer(sandbox);
    const exited = fakeContainer(sandbox, { state: "exited" });
    own.pods.sandboxRecords.push(sandbox);
    own.pods.containerRecords.push(running, exited);

    const { stats } = await own.runtime.containerStats({ containerId: running.id });
    expect(stats?.cpu).toMatchObject({ usageCoreNanoSeconds: { value: 1_500_000_000n }, usageNanoCores: { value: 250_000_000n } });
    expect(stats?.cpu?.psi?.Some).toMatchObject({ Total: 1000n, Avg10: 0.5 });
    expect(stats?.memory).toMatchObject({ workingSetBytes: { value: 1n << 32n }, availableBytes: { value: (1n << 34n) - (1n << 32n) } });
    expect(stats?.memory?.psi).toBeUndefined();
    expect(stats?.io).toBeUndefined();
    expect(stats?.swap).toMatchObject({ swapUsageBytes: { value: 5n }, swapAvailableBytes: { value: 10n } });
    expect(stats?.writableLayer).toMatchObject({ usedBytes: { value: 4096n }, inodesUsed: { value: 3n } });

    expect((await own.runtime.listContainerStats({})).stats.map(({ attributes }) => attributes?.id)).toEqual([running.id]);
    expect((await collect(own.runtime.streamContainerStats({}))).flatMap((m) => m.containerStats)).toHaveLength(1);

    const pod = (await own.runtime.podSandboxStats({ podSandboxId: sandbox.id })).stats;
    expect(pod?.linux?.network?.defaultInterface).toMatchObject({ name: "eth0", rxBytes: { value: 100n }, txErrors: { value: 2n } });
    expect(pod?.linux?.process?.processCount?.value).toBe(4n);
    expect((await own.runtime.listPodSandboxStats({})).stats).toHaveLength(1);
    expect((await collect(own.runtime.streamPodSandboxStats({}))).flatMap((m) => m.podSandboxStats)).toHaveLength(1);

    const { descriptors } = await own.runtime.listMetricDescriptors({});
    const { podMetrics } = await own.runtime.listPodSandboxMetrics({});
    const labels = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
    const sent = podMetrics.flatMap((m) => [...m.metrics, ...m.containerMetrics.flatMap(({ metrics }) => metrics)]);
    expect(sent.length).toBeGreaterThan(10);
    for (const metric of sent) expect([metric.name, metric.labelValues.length]).toEqual([metric.name, labels.get(metric.name) ?? -1]);
    expect((await collect(own.runtime.streamPodSandboxMetrics({}))).flatMap((m) => m.podSandboxMetrics)).toHaveLength(1);
  });
});

describe("GetContainerEvents", () => {
  test("carries the pod's and its containers' status, and ends on both sides when the client leaves", async () => {
    const sandbox = fakeSandbox();
    const container = fakeContainer(sandbox);
    const controller = new AbortController();
    const iterator = server.runtime.getContainerEvents({}, { signal: controller.signal })[Symbol.asyncIterator]();
    const first = iterator.next();
    await until(() => server.pods.subscribers === 1, "the subscription");
    server.pods.emit({
      type: ContainerEventType.CONTAINER_STARTED_EVENT,
      containerId: container.id,
      createdAtNs: 5n as UnixNanos,
      sandbox,
      containers: [container],
    });
    const { value } = await first;
    expect(value).toMatchObject({ containerId: container.id, containerEventType: ContainerEventType.CONTAINER_STARTED_EVENT, createdAt: 5n });
    expect(value?.podSandboxStatus?.id).toBe(sandbox.id);
    expect(value?.containersStatuses[0]?.imageId).toBe(fakeImageId);
    controller.abort();
    await failure(iterator.next());
    await until(() => server.pods.subscribers === 0, "the end of the subscription");
  });
});

describe("errors and deadlines", () => {
  test("an unforeseen failure is Internal, with an id that the log has too", async () => {
    server.pods.failures.set("runSandbox", () => Promise.reject(new TypeError("x is undefined")));
    const error = await failure(server.runtime.runPodSandbox({ config: podConfig }));
    server.pods.failures.clear();
    expect(error.code).toBe(Code.Internal);
    const line = server.logged.findLast(({ message }) => message === "rpc failed");
    expect(line?.level).toBe("error");
    expect(error.rawMessage).toBe(`unexpected failure ${String(line?.fields["correlation"])}: x is undefined`);
  });

  test("a domain error keeps code and message", async () => {
    server.pods.failures.set("removeContainer", () => Promise.reject(new CribError("resource-exhausted", "no space left for é\n%")));
    const error = await failure(server.runtime.removeContainer({ containerId: "x" }));
    server.pods.failures.clear();
    expect([error.code, error.rawMessage]).toEqual([Code.ResourceExhausted, "no space left for é\n%"]);
  });

  test("the client's deadline is kept although the work does not listen, and the work goes on", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const before = server.pods.calls.length;
    server.pods.failures.set("startContainer", () => gate as Promise<never>);
    const error = await failure(server.runtime.startContainer({ containerId: "x" }, { timeoutMs: 50 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    server.pods.failures.clear();
    open();
    await until(() => server.pods.calls.length === before + 1, "the work");
  });

  test("every RPC leaves a debug line with its duration", async () => {
    await server.runtime.version({});
    const line = server.logged.findLast(({ message }) => message === "rpc");
    expect(line).toMatchObject({ level: "debug", fields: { rpc: "Version" } });
    expect(line?.fields["durationMs"]).toBeNumber();
  });
});

describe("validation changes nothing", () => {
  const container = { metadata: { name: "c" }, image: { image: "busybox" } };
  const run = (over: object) => () => server.runtime.runPodSandbox({ config: { ...podConfig, ...over } });
  const make = (over: object) => () => server.runtime.createContainer({ podSandboxId: "x", config: { ...container, ...over } });
  const linux = (securityContext: object) => ({ linux: { securityContext } });
  test.each<readonly [string, () => Promise<unknown>, string]>([
    ["no config", () => server.runtime.runPodSandbox({}), "config is required"],
    ["no metadata", () => server.runtime.runPodSandbox({ config: {} }), "config.metadata is required"],
    ["no name", run({ metadata: { namespace: "n", uid: "u" } }), "config.metadata.name is required"],
    ["no uid", run({ metadata: { name: "n", namespace: "n" } }), "config.metadata.uid is required"],
    ["name with ..", run({ metadata: { name: "..", namespace: "n", uid: "u" } }), "config.metadata.name"],
    ["name with /", run({ metadata: { name: "a/b", namespace: "n", uid: "u" } }), "config.metadata.name"],
    ["namespace with ..", run({ metadata: { name: "a", namespace: "../x", uid: "u" } }), "config.metadata.namespace"],
    ["log directory relative", run({ logDirectory: "x" }), "config.log_directory"],
    ["log directory with ..", run({ logDirectory: "/var/log/../../etc" }), "config.log_directory"],
    ["hostname", run({ hostname: "a_b" }), "config.hostname"],
    ["long hostname", run({ hostname: "a".repeat(65) }), "config.hostname"],
    ["dns newline", run({ dnsConfig: { searches: ["a\nnameserver 6.6.6.6"] } }), "config.dns_config.searches"],
    ["dns server", run({ dnsConfig: { servers: ["dns.example"] } }), "config.dns_config.servers"],
    ["host port", run({ portMappings: [{ hostPort: 65_536, containerPort: 1 }] }), "config.port_mappings[0].host_port"],
    ["container port", run({ portMappings: [{ hostPort: 80, containerPort: 0 }] }), "config.port_mappings[0].container_port"],
    ["negative port", run({ portMappings: [{ containerPort: -1 }] }), "config.port_mappings[0].container_port"],
    ["protocol", run({ portMappings: [{ protocol: 9 as never }] }), "config.port_mappings[0].protocol: 9 is not a known Protocol"],
    ["cgroup parent", run({ linux: { cgroupParent: "/../../x" } }), "config.linux.cgroup_parent"],
    ["sysctl", run({ linux: { sysctls: { "a=b": "1" } } }), "config.linux.sysctls"],
    ["sysctl value", run({ linux: { sysctls: { "kernel.sem": "1\n2" } } }), "config.linux.sysctls"],
    ["pid target", run(linux({ namespaceOptions: { pid: NamespaceMode.TARGET, targetId: "x" } })), "TARGET is for containers"],
    ["network mode", run(linux({ namespaceOptions: { network: NamespaceMode.CONTAINER } })), "namespace_options.network"],
    ["userns", run(linux({ namespaceOptions: { usernsOptions: { mode: NamespaceMode.POD } } })), "userns_options"],
    ["no sandbox", () => server.runtime.createContainer({ config: container }), "pod_sandbox_id is required"],
    ["no image", make({ image: {} }), "config.image.image is required"],
    ["log path ..", make({ logPath: "../../x" }), "config.log_path"],
    ["log path absolute", make({ logPath: "/etc/passwd" }), "config.log_path"],
    ["working dir", make({ workingDir: "a/b" }), "config.working_dir"],
    ["mount target", make({ mounts: [{ containerPath: "x", hostPath: "/x" }] }), "config.mounts[0].container_path"],
    ["mount source", make({ mounts: [{ containerPath: "/x", hostPath: "" }] }), "config.mounts[0].host_path"],
    ["mount source ..", make({ mounts: [{ containerPath: "/x", hostPath: "/a/../../b" }] }), "config.mounts[0].host_path"],
    ["image sub path", make({ mounts: [{ containerPath: "/x", image: { image: "i" }, imageSubPath: "../.." }] }), "image_sub_path"],
    ["rro", make({ mounts: [{ containerPath: "/x", hostPath: "/x", recursiveReadOnly: true }] }), "recursive_read_only"],
    ["mount option", make({ mounts: [{ containerPath: "/x", hostPath: "/x", mountOptions: ["suid"] }] }), "mount_options"],
    ["env key", make({ envs: [{ key: "A=B" }] }), "config.envs[0].key"],
    ["env value", make({ envs: [{ key: "A", value: new Uint8Array([65, 0]) }] }), "config.envs[0].value (A) contains a NUL byte"],
    ["env size", make({ envs: [{ key: "A", value: new Uint8Array(200_000).fill(65) }] }), "longer than"],
    ["device", make({ devices: [{ containerPath: "/dev/x", hostPath: "/dev/x", permissions: "rwx" }] }), "permissions"],
    ["stop signal", make({ stopSignal: 99 as never }), "config.stop_signal: 99 is not a known Signal"],
    ["uid -1", make(linux({ runAsUser: { value: -1n } })), "run_as_user"],
    ["uid 2^32", make(linux({ runAsUser: { value: 4_294_967_296n } })), "run_as_user"],
    ["gid alone", make(linux({ runAsGroup: { value: 1n } })), "run_as_group needs"],
    ["group", make(linux({ supplementalGroups: [-5n] })), "supplemental_groups"],
    ["capability", make(linux({ capabilities: { addCapabilities: ["NET ADMIN"] } })), "capabilities"],
    ["localhost seccomp", make(linux({ seccomp: { profileType: 2 } })), "seccomp.localhost_ref"],
    ["target pid", make(linux({ namespaceOptions: { pid: NamespaceMode.TARGET } })), "target_id"],
    ["oom score", make({ linux: { resources: { oomScoreAdj: 1001n } } }), "oom_score_adj"],
    ["cpuset", make({ linux: { resources: { cpusetCpus: "0-3;x" } } }), "cpuset_cpus"],
    ["unified", make({ linux: { resources: { unified: { "../x": "1" } } } }), "unified"],
    ["page size", make({ linux: { resources: { hugepageLimits: [{ pageSize: "../2MB" }] } } }), "hugepage_limits"],
    ["update nothing", () => server.runtime.updateContainerResources({ containerId: "x" }), "linux is required"],
    ["exec timeout", () => server.runtime.execSync({ containerId: "x", cmd: ["a"], timeout: -1n }), "timeout -1 is negative"],
    ["empty image", () => server.image.imageStatus({}), "image.image is required"],
    ["blank in image", () => server.image.pullImage({ image: { image: "a b" } }), "image.image"],
    ["filter enum", () => server.runtime.listContainers({ filter: { state: { state: 77 as never } } }), "filter.state.state: 77"],
  ])("%s", async (_name, call, message) => {
    const before = server.pods.calls.length + server.images.pulls.length;
    const error = await failure(call());
    expect([error.code, error.rawMessage]).toEqual([Code.InvalidArgument, expect.stringContaining(message)]);
    expect(server.pods.calls.length + server.images.pulls.length).toBe(before);
  });
});

test("listing a thousand containers costs no more than its encoding", () => {
  const sandbox = fakeSandbox();
  const records = Array.from({ length: 1000 }, () => fakeContainer(sandbox));
  const encode = () => toBinary(ListContainersResponseSchema, create(ListContainersResponseSchema, { containers: records.map(toContainer) }));
  encode();
  encode();
  const startMs = performance.now();
  const bytes = encode();
  expect(bytes.length).toBeGreaterThan(300_000);
  expect(performance.now() - startMs).toBeLessThan(50);
  expect(toContainer(records[0] ?? fakeContainer(sandbox))).toBe(toContainer(records[0] ?? fakeContainer(sandbox)));
});

test("close() ends event streams and lets what is under way finish", async () => {
  await using own = await startTestServer();
  const events = own.runtimeClient().getContainerEvents({})[Symbol.asyncIterator]();
  const next = events.next();
  await until(() => own.pods.subscribers === 1, "the subscription");
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const container = fakeContainer(fakeSandbox());
  own.pods.containerRecords.push(container);
  let entered = false;
  own.pods.failures.set("startContainer", () => {
    entered = true;
    return gate as Promise<never>;
  });
  const starting = own.runtime.startContainer({ containerId: container.id });
  await until(() => entered, "the start");
  const closing = own.close(5000);
  open();
  await starting;
  expect((await next).done).toBe(true);
  await closing;
  expect(own.pods.subscribers).toBe(0);
});
