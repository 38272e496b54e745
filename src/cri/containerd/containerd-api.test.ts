import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { failure } from "../../../tests/fixtures/rpc-outcomes.ts";
import { Containers } from "../../gen/containerd/services/containers/v1/containers_pb.ts";
import { Tasks } from "../../gen/containerd/services/tasks/v1/tasks_pb.ts";
import { Version } from "../../gen/containerd/services/version/v1/version_pb.ts";
import { Status } from "../../gen/containerd/v1/types/task_pb.ts";

const inKubernetes = { headers: { "containerd-namespace": "k8s.io" } };

function clientsOf(server: TestServer) {
  const sessionManager = new Http2SessionManager("http://localhost", undefined, {
    createConnection: () => connect(server.path),
  });
  const transport = createGrpcTransport({ baseUrl: "http://localhost", sessionManager });
  return {
    version: createClient(Version, transport),
    containers: createClient(Containers, transport),
    tasks: createClient(Tasks, transport),
    [Symbol.dispose]: () => sessionManager.abort(),
  };
}

let server: TestServer;
let clients: ReturnType<typeof clientsOf>;
beforeAll(async () => {
  server = await startTestServer({ containerdApi: true });
  clients = clientsOf(server);
});
afterAll(async () => {
  clients[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

const sandbox = fakeSandbox();
const running = fakeContainer(sandbox);
beforeEach(() => {
  server.pods.sandboxRecords.splice(0, Number.POSITIVE_INFINITY, sandbox);
  server.pods.containerRecords.splice(0, Number.POSITIVE_INFINITY, running);
});

describe("what cAdvisor asks of containerd's API", () => {
  test("version", async () => {
    expect(await clients.version.version({})).toMatchObject({ version: "1.2.3", revision: "abc" });
  });

  test("a container: labels, image, OCI spec, times", async () => {
    const { container } = await clients.containers.get({ id: running.id }, inKubernetes);
    expect(container).toMatchObject({
      id: running.id,
      labels: { ...running.config.labels, "io.cri-containerd.kind": "container" },
      image: "docker.io/library/busybox:1.36",
      snapshotKey: running.id,
      sandbox: sandbox.id,
    });
    expect(container?.createdAt?.seconds).toBe(1_700_000_000n);
    expect(container?.spec?.typeUrl).toBe("types.containerd.io/opencontainers/runtime-spec/1/Spec");
    expect(JSON.parse(Buffer.from(container?.spec?.value ?? []).toString())).toEqual(
      JSON.parse(JSON.stringify(running.spec)),
    );
  });

  test("a limit of 2⁶⁴-1 is a number that Go reads: cAdvisor showed no container at all", async () => {
    const hard = 2 ** 64;
    const process = { ...running.spec.process, rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard }] };
    const unlimited = fakeContainer(sandbox, { spec: { ...running.spec, process } });
    server.pods.containerRecords.push(unlimited);
    const { container } = await clients.containers.get({ id: unlimited.id }, inKubernetes);
    expect(Buffer.from(container?.spec?.value ?? []).toString()).toContain('"hard":18446744073709551615}');
  });

  test("a pod: its labels, an image's name, a spec with a process", async () => {
    const { container } = await clients.containers.get({ id: sandbox.id }, inKubernetes);
    expect(container).toMatchObject({
      id: sandbox.id,
      labels: { app: "web", "io.cri-containerd.kind": "sandbox" },
      image: "crib.local/pod",
    });
    expect(JSON.parse(Buffer.from(container?.spec?.value ?? []).toString())).toMatchObject({
      process: { env: [] },
      linux: { cgroupsPath: sandbox.cgroup },
    });
  });

  test("the process of a container, and of a pod: its monitor, which is in the pod's network", async () => {
    const { process } = await clients.tasks.get({ containerId: running.id }, inKubernetes);
    expect(process).toMatchObject({ containerId: running.id, pid: running.process?.pid, status: Status.RUNNING });
    const pod = await clients.tasks.get({ containerId: sandbox.id }, inKubernetes);
    expect(pod.process).toMatchObject({ pid: 4242, status: Status.RUNNING });
  });

  test("what has ended: its exit code; what was not started: nothing, so that it is asked for again", async () => {
    const exited = fakeContainer(sandbox, { state: "exited", process: undefined, exitCode: 7 });
    const created = fakeContainer(sandbox, { state: "created", process: undefined });
    const stopped = fakeSandbox({ state: "notready", monitor: undefined });
    server.pods.containerRecords.push(exited, created);
    server.pods.sandboxRecords.push(stopped);
    const { process } = await clients.tasks.get({ containerId: exited.id }, inKubernetes);
    expect(process).toMatchObject({ status: Status.STOPPED, exitStatus: 7, pid: 0 });
    for (const containerId of [created.id, stopped.id]) {
      expect((await failure(clients.tasks.get({ containerId }, inKubernetes))).code).toBe(Code.NotFound);
    }
  });

  test.each(["", "0", "nothing", "e".repeat(64)])("no container: %p", async (id) => {
    expect((await failure(clients.containers.get({ id }, inKubernetes))).code).toBe(Code.NotFound);
    expect((await failure(clients.tasks.get({ containerId: id }, inKubernetes))).code).toBe(Code.NotFound);
  });

  test("ids are whole: a cgroup of a shorter name is somebody else's", async () => {
    const id = running.id.slice(0, 12);
    expect((await failure(clients.containers.get({ id }, inKubernetes))).code).toBe(Code.NotFound);
  });

  test("no exec by its id", async () => {
    const asked = clients.tasks.get({ containerId: running.id, execId: "e" }, inKubernetes);
    expect((await failure(asked)).code).toBe(Code.NotFound);
  });

  test("the namespace is Kubernetes': no other has anything in it, and there must be one", async () => {
    const other = clients.containers.get({ id: running.id }, { headers: { "containerd-namespace": "moby" } });
    expect((await failure(other)).code).toBe(Code.NotFound);
    expect((await failure(clients.containers.get({ id: running.id }))).code).toBe(Code.FailedPrecondition);
    expect((await failure(clients.tasks.get({ containerId: running.id }))).code).toBe(Code.FailedPrecondition);
  });

  test("an image has no say in what the kubelet and the engine call things", async () => {
    const image = server.images.find("busybox:1.36");
    if (image === undefined) throw new Error("the fake has no busybox");
    const labels = { maintainer: "x", "io.kubernetes.pod.name": "other", "io.cri-containerd.kind": "sandbox" };
    const find = server.images.find.bind(server.images);
    server.images.find = () => ({ ...image, config: { ...image.config, labels } });
    try {
      const { container } = await clients.containers.get({ id: running.id }, inKubernetes);
      expect(container?.labels).toEqual({
        maintainer: "x",
        ...running.config.labels,
        "io.cri-containerd.kind": "container",
      });
    } finally {
      server.images.find = find;
    }
  });
});

test("a socket that does not stand in containerd's place answers none of it", async () => {
  await using plain = await startTestServer();
  using other = clientsOf(plain);
  expect((await failure(other.version.version({}))).code).toBe(Code.Unimplemented);
});
