import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { fakeContainer, fakeImageId, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { collect, failure } from "../../../tests/fixtures/rpc-outcomes.ts";
import {
  ContainerState,
  ListContainersResponseSchema,
  PodSandboxState,
  Signal,
  StreamContainersResponseSchema,
} from "../../gen/runtime/v1/api_pb.ts";
import type { UnixNanos } from "../../ids/units.ts";
import { encodedContainer, toContainer } from "../convert/container.ts";
import { encodedList, encodingOf } from "../convert/encoded.ts";

const podConfig = { metadata: { name: "p", namespace: "default", uid: "u" } };

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
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
    const labels: Record<string, string> = Object.fromEntries([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    await server.runtime.runPodSandbox({ config: { ...podConfig, labels } });
    const config = server.pods.calls.at(-1)?.[1] as { labels: Record<string, string> };
    expect(Object.entries(config.labels)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();

    const record = fakeSandbox();
    const labelled = fakeSandbox({ config: { ...record.config, labels } });
    server.pods.sandboxRecords.push(record, labelled);
    const { items } = await server.runtime.listPodSandbox({ filter: { labelSelector: labels } });
    expect(items.map(({ id }) => id)).toEqual([labelled.id]);
    expect(Object.entries(items[0]?.labels ?? {})).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  test("PodSandboxStatus tells addresses, containers and the moment", async () => {
    const sandbox = fakeSandbox();
    const container = fakeContainer(sandbox);
    server.pods.sandboxRecords.push(sandbox);
    server.pods.containerRecords.push(container);
    const reply = await server.runtime.podSandboxStatus({ podSandboxId: sandbox.id, verbose: true });
    expect(reply.status).toMatchObject({
      id: sandbox.id,
      state: PodSandboxState.SANDBOX_READY,
      createdAt: sandbox.createdAtNs,
    });
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
    expect(status?.image).toMatchObject({
      image: "docker.io/library/busybox:1.36",
      userSpecifiedImage: "busybox:1.36",
    });
    expect(status?.user?.linux).toMatchObject({ uid: 1000n, gid: 1001n, supplementalGroups: [1001n, 2000n] });
    expect(status?.resources?.linux?.memoryLimitInBytes).toBe(1n << 40n);
    expect(status?.mounts[0]).toMatchObject({ containerPath: "/data", readonly: true });
    expect(JSON.parse(info["info"] ?? "")).toMatchObject({
      sandboxID: sandbox.id,
      pid: 4243,
      runtimeSpec: { ociVersion: "1.2.0" },
      rootfs: {
        writableLayer: `${container.directory}/upper`,
        work: `${container.directory}/work`,
        layers: [{ chainID: `sha256:${"4e".repeat(32)}`, diffID: `sha256:${"5f".repeat(32)}` }],
      },
    });
    const [listed] = (await server.runtime.listContainers({ filter: { id: container.id } })).containers;
    expect(listed).toMatchObject({ imageId: fakeImageId, imageRef: fakeImageId, podSandboxId: sandbox.id });
    expect((await server.image.imageStatus({ image: { image: fakeImageId } })).image?.id).toBe(fakeImageId);
  });

  test("an exited container tells code and reason, and has no pid", async () => {
    const sandbox = fakeSandbox();
    const container = fakeContainer(sandbox, {
      state: "exited",
      exitCode: 137,
      reason: "OOMKilled",
      finishedAtNs: 9n as UnixNanos,
    });
    server.pods.containerRecords.push(container);
    const { status, info } = await server.runtime.containerStatus({
      containerId: container.id.slice(0, 13),
      verbose: true,
    });
    expect(status).toMatchObject({
      state: ContainerState.CONTAINER_EXITED,
      exitCode: 137,
      reason: "OOMKilled",
      finishedAt: 9n,
    });
    expect(JSON.parse(info["info"] ?? "").pid).toBe(0);
  });

  test("the streamed list is the list, in batches that any client accepts", async () => {
    await using own = await startTestServer();
    const sandbox = fakeSandbox();
    const { config } = fakeContainer(sandbox);
    const annotations = { large: "x".repeat(3000) };
    for (let i = 0; i < 1201; i += 1)
      own.pods.containerRecords.push(fakeContainer(sandbox, { config: { ...config, annotations } }));
    const { containers } = await own.runtime.listContainers({});
    const streamed = await collect(own.runtime.streamContainers({}));
    const sizes = streamed.map((message) => toBinary(StreamContainersResponseSchema, message).length);
    expect(sizes.length).toBeGreaterThan(5);
    expect(Math.max(...sizes)).toBeLessThan(600_000);
    expect(streamed.flatMap((message) => message.containers.map(({ id }) => id))).toEqual(
      containers.map(({ id }) => id),
    );
  });

  test("StopContainer passes the grace on", async () => {
    await server.runtime.stopContainer({ containerId: "abc", timeout: 7n });
    expect(server.pods.calls.at(-1)).toEqual(["stopContainer", "abc", 7n]);
    expect((await failure(server.runtime.stopContainer({ containerId: "abc", timeout: -1n }))).code).toBe(
      Code.InvalidArgument,
    );
  });

  test("ExecSync answers output and exit code", async () => {
    const container = fakeContainer(fakeSandbox());
    server.pods.containerRecords.push(container);
    const reply = await server.runtime.execSync({ containerId: container.id, cmd: ["echo", "x"], timeout: 3n });
    expect([new TextDecoder().decode(reply.stdout), reply.exitCode]).toEqual(["out", 3]);
    expect(server.pods.calls.at(-1)?.[1]).toEqual({
      containerId: container.id,
      command: ["echo", "x"],
      timeoutSeconds: 3n,
    });
    expect((await failure(server.runtime.execSync({ containerId: container.id }))).code).toBe(Code.InvalidArgument);
  });

  test("an unknown id is NotFound, by name", async () => {
    const error = await failure(server.runtime.containerStatus({ containerId: "beef" }));
    expect([error.code, error.rawMessage]).toEqual([Code.NotFound, 'container "beef" not found']);
  });
});

test("a container is encoded once for as long as its record stands", () => {
  const sandbox = fakeSandbox();
  const record = fakeContainer(sandbox);
  const changed = Object.freeze({ ...record, state: "exited" as const });
  expect(encodedContainer(record)).toBe(encodedContainer(record));
  expect(encodedContainer(changed)).not.toEqual(encodedContainer(record));
});

test("a list of encoded containers is the same bytes as the list", () => {
  const sandbox = fakeSandbox();
  const records = Array.from({ length: 3 }, () => fakeContainer(sandbox));
  const { field } = ListContainersResponseSchema;
  const list = encodedList(ListContainersResponseSchema, field.containers, records.map(encodedContainer));
  expect(Buffer.concat([...(encodingOf(list) ?? [])])).toEqual(
    Buffer.from(toBinary(ListContainersResponseSchema, list)),
  );
  expect(toBinary(ListContainersResponseSchema, list)).toEqual(
    toBinary(
      ListContainersResponseSchema,
      create(ListContainersResponseSchema, { containers: records.map(toContainer) }),
    ),
  );
});

test("listing a thousand containers takes a fraction of what another RPC may wait", () => {
  const sandbox = fakeSandbox();
  const records = Array.from({ length: 1000 }, () => fakeContainer(sandbox));
  const { field } = ListContainersResponseSchema;
  const encode = () =>
    toBinary(
      ListContainersResponseSchema,
      encodedList(ListContainersResponseSchema, field.containers, records.map(encodedContainer)),
    );
  encode();
  const startMs = performance.now();
  const bytes = encode();
  expect(bytes.length).toBeGreaterThan(300_000);
  expect(performance.now() - startMs).toBeLessThan(20);
});
