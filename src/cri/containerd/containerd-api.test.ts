import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { failure } from "../../../tests/fixtures/rpc-outcomes.ts";
import { Containers } from "../../gen/containerd/services/containers/v1/containers_pb.ts";
import { Images } from "../../gen/containerd/services/images/v1/images_pb.ts";
import { Introspection } from "../../gen/containerd/services/introspection/v1/introspection_pb.ts";
import { Namespaces } from "../../gen/containerd/services/namespaces/v1/namespace_pb.ts";
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
    introspection: createClient(Introspection, transport),
    namespaces: createClient(Namespaces, transport),
    images: createClient(Images, transport),
    containers: createClient(Containers, transport),
    tasks: createClient(Tasks, transport),
    /** A method of the protocol that crib does not have. */
    unserved: () =>
      transport.unary({ ...Tasks.method.list, name: "Kill" } as typeof Tasks.method.list, undefined, undefined, {}, {}),
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

describe("what ctr and tools like it list", () => {
  const digest = `sha256:${"2e".repeat(32)}`;

  test("the server and its namespaces", async () => {
    const first = await clients.introspection.server({});
    expect([first.pid, first.uuid.length]).toEqual([77n, 36]);
    expect((await clients.introspection.server({})).uuid).toBe(first.uuid);
    const { namespaces } = await clients.namespaces.list({});
    expect(namespaces.map(({ name }) => name)).toEqual(["k8s.io"]);
    expect((await clients.namespaces.get({ name: "k8s.io" })).namespace?.name).toBe("k8s.io");
    expect((await failure(clients.namespaces.get({ name: "moby" }))).code).toBe(Code.NotFound);
  });

  test("images, one for each name, with the digest they were pulled by", async () => {
    const { images } = await clients.images.list({}, inKubernetes);
    const [tag, byDigest, id] = images.filter(({ name }) => /busybox|^sha256/.test(name));
    expect([tag?.name, byDigest?.name, tag?.target?.digest, id?.target?.digest]).toEqual([
      "docker.io/library/busybox:1.36",
      `docker.io/library/busybox@${digest}`,
      digest,
      digest,
    ]);
    const name = "docker.io/library/busybox:1.36";
    expect((await clients.images.get({ name }, inKubernetes)).image?.target?.digest).toBe(digest);
    expect((await failure(clients.images.get({ name: "busybox" }, inKubernetes))).code).toBe(Code.NotFound);
  });

  test("containers and pods' sandboxes, and what was started of them", async () => {
    const created = fakeContainer(sandbox, { state: "created", process: undefined });
    server.pods.containerRecords.push(created);
    const { containers } = await clients.containers.list({}, inKubernetes);
    expect(containers.map(({ id }) => id)).toEqual([sandbox.id, running.id, created.id].toSorted());
    const { tasks } = await clients.tasks.list({}, inKubernetes);
    expect(tasks.map(({ id, pid }) => [id, pid])).toEqual([
      [sandbox.id, 4242],
      [running.id, running.process?.pid ?? -1],
    ]);
  });

  test("another namespace is empty, and there must be one", async () => {
    const moby = { headers: { "containerd-namespace": "moby" } };
    expect((await clients.images.list({}, moby)).images).toEqual([]);
    expect((await clients.containers.list({}, moby)).containers).toEqual([]);
    expect((await clients.tasks.list({}, moby)).tasks).toEqual([]);
    expect((await failure(clients.images.list({}))).code).toBe(Code.FailedPrecondition);
  });

  test.each([
    [['labels."io.cri-containerd.kind"==sandbox'], "sandbox"],
    [["labels.app==web,id~=^.*"], "sandbox"],
    [["id==x", 'labels."io.cri-containerd.kind"==sandbox'], "sandbox"],
    [['labels."io.cri-containerd.kind"!=sandbox'], "container"],
    [["runtime.name==crib,image~=busybox"], "container"],
    [["image~=^docker\\.io/library/busybox:1\\.36$"], "container"],
    [["labels.nothing"], undefined],
    [["size==1"], undefined],
  ] as const)("filters %j find %p", async (filters, kind) => {
    const { containers } = await clients.containers.list({ filters: [...filters] }, inKubernetes);
    expect([...new Set(containers.map(({ labels }) => labels["io.cri-containerd.kind"]))]).toEqual(
      kind === undefined ? [] : [kind],
    );
  });

  test.each([
    ["name==a,", Code.InvalidArgument],
    ["==a", Code.InvalidArgument],
    ['name=="a', Code.InvalidArgument],
    ['labels."a==b', Code.InvalidArgument],
    ['name==a b"c', Code.InvalidArgument],
    ["x".repeat(5000), Code.InvalidArgument],
    ["name~=(a+)+$", Code.Unimplemented],
  ])("filter %j is refused", async (filter, code) => {
    expect((await failure(clients.images.list({ filters: [filter] }, inKubernetes))).code).toBe(code);
  });
});

test("what is not served is Unimplemented, in words that say whose API it is", async () => {
  const asked = clients.unserved();
  const refused = await failure(asked);
  expect([refused.code, refused.rawMessage]).toEqual([
    Code.Unimplemented,
    "unknown method Kill for service containerd.services.tasks.v1.Tasks: crib serves a part of containerd's API; use crictl or crib here",
  ]);
});

describe("a client that speaks no HTTP/2", () => {
  const exchange = (...chunks: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(server.path, () => {
        for (const chunk of chunks) socket.write(chunk);
      });
      socket.on("data", (data) => {
        answer += data.toString("latin1");
      });
      socket.once("close", () => resolve(answer));
      socket.once("error", reject);
    });

  test.each([
    ["GET", ["GET /_ping HTTP/1.1\r\nhost: x\r\n\r\n"]],
    ["a method that begins like the preface", ["P", "OST /v1/x HTTP/1.1\r\ncontent-length: 9\r\n\r\n", "{}"]],
    ["something else", ["\0\0\0\0\x0a"]],
  ])("gets an answer that a person can read: %s", async (_what, chunks) => {
    const answer = await exchange(...chunks);
    expect(answer).toStartWith("HTTP/1.1 505 ");
    expect(answer).toContain("it speaks gRPC, which needs HTTP/2");
    expect((await clients.version.version({})).version).toBe("1.2.3");
  });

  test("one that speaks it is served, however its first bytes come", async () => {
    const socket = connect(server.path);
    await new Promise((resolve) => socket.once("connect", resolve));
    const settings = new Promise<Buffer>((resolve) => socket.once("data", resolve));
    socket.write("PR");
    await new Promise((resolve) => setImmediate(resolve));
    socket.write("I * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    const settingsFrame = 4;
    expect((await settings)[3]).toBe(settingsFrame);
    socket.destroy();
  });
});

test("a socket that does not stand in containerd's place answers none of it", async () => {
  await using plain = await startTestServer();
  using other = clientsOf(plain);
  expect((await failure(other.version.version({}))).code).toBe(Code.Unimplemented);
});
