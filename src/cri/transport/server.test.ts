import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { fakeContainer, fakeImageId, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { collect, failure } from "../../../tests/fixtures/rpc-outcomes.ts";
import { waitUntil } from "../../../tests/harness/wait-until.ts";
import { CribError } from "../../errors/crib-error.ts";
import { CgroupDriver, ContainerEventType, ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.ts";
import type { UnixNanos } from "../../ids/units.ts";

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
    expect(reply).toMatchObject({
      version: "0.1.0",
      runtimeName: "crib",
      runtimeVersion: "1.2.3",
      runtimeApiVersion: "v1",
    });
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
    await server.runtime.updateRuntimeConfig({
      runtimeConfig: { networkConfig: { podCidr: "10.1.0.0/24,fd00::/64" } },
    });
    await server.runtime.updateRuntimeConfig({});
    expect(server.podCidrs).toEqual(["10.1.0.0/24,fd00::/64"]);
    const error = await failure(
      server.runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: "10.1.0.0/99" } } }),
    );
    expect(error.code).toBe(Code.InvalidArgument);
  });

  test.each([
    ["checkpointContainer", "CheckpointContainer"],
    ["checkpointPod", "CheckpointPod"],
    ["restorePod", "RestorePod"],
  ] as const)("%s says that it is not implemented, in the words clients know", async (rpc, name) => {
    const error = await failure(server.runtime[rpc]({}));
    expect([error.code, error.rawMessage]).toEqual([Code.Unimplemented, `method ${name} not implemented`]);
  });

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
        const error = await (method.methodKind === "unary"
          ? (outcome as Promise<unknown>)
          : collect(outcome as AsyncIterable<unknown>)
        ).then(
          () => undefined,
          (thrown: unknown) => ConnectError.from(thrown),
        );
        expect([method.name, error?.rawMessage ?? ""]).not.toEqual([
          method.name,
          expect.stringContaining("is not implemented"),
        ]);
        expect([Code.Internal, Code.Unknown]).not.toContain(error?.code as Code);
      }
    }
  });
});

describe("GetContainerEvents", () => {
  test("carries the pod's and its containers' status, and ends on both sides when the client leaves", async () => {
    const sandbox = fakeSandbox();
    const container = fakeContainer(sandbox);
    const controller = new AbortController();
    const iterator = server.runtime.getContainerEvents({}, { signal: controller.signal })[Symbol.asyncIterator]();
    const first = iterator.next();
    await waitUntil(() => server.pods.subscribers === 1, { what: "the subscription" });
    server.pods.emit({
      type: "started",
      containerId: container.id,
      createdAtNs: 5n as UnixNanos,
      sandbox,
      containers: [container],
    });
    const { value } = await first;
    expect(value).toMatchObject({
      containerId: container.id,
      containerEventType: ContainerEventType.CONTAINER_STARTED_EVENT,
      createdAt: 5n,
    });
    expect(value?.podSandboxStatus?.id).toBe(sandbox.id);
    expect(value?.containersStatuses[0]?.imageId).toBe(fakeImageId);
    controller.abort();
    await failure(iterator.next());
    await waitUntil(() => server.pods.subscribers === 0, { what: "the end of the subscription" });
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
    server.pods.failures.set("removeContainer", () =>
      Promise.reject(new CribError("resource-exhausted", "no space left for é\n%")),
    );
    const error = await failure(server.runtime.removeContainer({ containerId: "x" }));
    server.pods.failures.clear();
    expect([error.code, error.rawMessage]).toEqual([Code.ResourceExhausted, "no space left for é\n%"]);
  });

  test("a deadline in a month is not over at once", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    server.pods.failures.set("startContainer", () => gate as Promise<never>);
    const controller = new AbortController();
    const call = { headers: { "grpc-timeout": "720H" }, signal: controller.signal };
    const answer = failure(server.runtime.startContainer({ containerId: "x" }, call));
    const early = await Promise.race([answer, Bun.sleep(300).then(() => undefined)]);
    server.pods.failures.clear();
    open();
    controller.abort();
    await answer;
    expect(early?.message).toBeUndefined();
  });

  test("the client's deadline is kept although the work does not listen, and the work goes on", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const before = server.pods.calls.length;
    server.pods.failures.set("startContainer", () => gate as Promise<never>);
    const error = await failure(server.runtime.startContainer({ containerId: "x" }, { timeoutMs: 50 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    server.pods.failures.clear();
    open();
    await waitUntil(() => server.pods.calls.length === before + 1, { what: "the work" });
  });

  test("a client that leaves is one line without a stack, and Canceled (it was an error of crib's, Internal)", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let entered = false;
    server.pods.failures.set("startContainer", () => {
      entered = true;
      return gate as Promise<never>;
    });
    const before = server.logged.length;
    const controller = new AbortController();
    const call = server.runtime.startContainer({ containerId: "x" }, { signal: controller.signal });
    await waitUntil(() => entered, { what: "the call" });
    controller.abort();
    await failure(call);
    const lines = () =>
      server.logged
        .slice(before)
        .filter(
          ({ message, fields }) => fields["rpc"] === "StartContainer" && /^rpc (?:failed|refused)$/.test(message),
        );
    await waitUntil(() => lines().length > 0, { what: "the line" });
    server.pods.failures.clear();
    open();
    await server.runtime.version({});
    expect(lines()).toEqual([
      {
        level: "info",
        message: "rpc refused",
        fields: { rpc: "StartContainer", code: "Canceled", reason: "the client left before its answer" },
      },
    ]);
  });

  test("a stream's client that leaves is told as quietly, and so is work that heeds the signal", async () => {
    const before = server.logged.length;
    const events = new AbortController();
    const first = server.runtime.getContainerEvents({}, { signal: events.signal })[Symbol.asyncIterator]().next();
    await waitUntil(() => server.pods.subscribers === 1, { what: "the subscription" });
    events.abort();
    await failure(first);
    await waitUntil(() => server.pods.subscribers === 0, { what: "the end of the subscription" });
    const pull = new AbortController();
    let pulling = false;
    const { pull: real } = server.images;
    server.images.pull = (_request, signal) =>
      new Promise((_resolve, reject) => {
        pulling = true;
        signal.addEventListener("abort", () => reject(new DOMException("The operation was aborted.", "AbortError")));
      });
    const call = server.image.pullImage({ image: { image: "busybox" } }, { signal: pull.signal });
    await waitUntil(() => pulling, { what: "the pull" });
    pull.abort();
    await failure(call);
    const loud = () => server.logged.slice(before).filter(({ level }) => level !== "debug");
    await waitUntil(() => loud().some(({ fields }) => fields["rpc"] === "PullImage"), { what: "the line" });
    server.images.pull = real;
    for (const line of loud()) {
      expect(line).toMatchObject({ level: "info", message: "rpc refused", fields: { code: "Canceled" } });
    }
  });

  test.each([
    ["ContainerStatus", (s: TestServer) => s.runtime.containerStatus({ containerId: "gone" })],
    ["PodSandboxStatus", (s: TestServer) => s.runtime.podSandboxStatus({ podSandboxId: "gone" })],
    ["ContainerStats", (s: TestServer) => s.runtime.containerStats({ containerId: "gone" })],
    ["PodSandboxStats", (s: TestServer) => s.runtime.podSandboxStats({ podSandboxId: "gone" })],
    ["ExecSync", (s: TestServer) => s.runtime.execSync({ containerId: "gone", cmd: ["true"] })],
  ] as const)("%s of what is gone is a debug line: kubelets ask all day", async (rpc, ask) => {
    const before = server.logged.length;
    expect((await failure(ask(server))).code).toBe(Code.NotFound);
    const lines = server.logged.slice(before).filter(({ fields }) => fields["rpc"] === rpc);
    expect(lines.map(({ level }) => level)).toEqual(lines.map(() => "debug"));
    expect(lines.some(({ fields }) => fields["code"] === "NotFound")).toBe(true);
  });

  test("every RPC leaves a debug line with its duration", async () => {
    await server.runtime.version({});
    const line = server.logged.findLast(({ message }) => message === "rpc");
    expect(line).toMatchObject({ level: "debug", fields: { rpc: "Version" } });
    expect(line?.fields["durationMs"]).toBeNumber();
  });
});

test("close() ends event streams and lets what is under way finish", async () => {
  await using own = await startTestServer();
  const events = own.runtimeClient().getContainerEvents({})[Symbol.asyncIterator]();
  const next = events.next();
  await waitUntil(() => own.pods.subscribers === 1, { what: "the subscription" });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const container = fakeContainer(fakeSandbox());
  own.pods.containerRecords.push(container);
  let entered = false;
  own.pods.failures.set("startContainer", () => {
    entered = true;
    return gate as Promise<never>;
  });
  const starting = own.runtime.startContainer({ containerId: container.id });
  await waitUntil(() => entered, { what: "the start" });
  const closing = own.close(5000);
  open();
  await starting;
  expect((await next).done).toBe(true);
  await closing;
  expect(own.pods.subscribers).toBe(0);
});
