import { describe, expect, test } from "bun:test";
import { create, type DescMethod } from "@bufbuild/protobuf";
import {
  ContainerConfigSchema,
  ImageService,
  PodSandboxConfigSchema,
  RuntimeService,
} from "../../src/gen/runtime/v1/api_pb.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { type ContainerConfigInit, containerConfig, type PodConfigInit, podConfig } from "../harness/pod-config.ts";
import { type StringField, stringFields } from "../harness/string-fields.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();
const UNKNOWN_ID = "a".repeat(64);
const BAD_TEXTS = [
  ["NUL", "a\0b"],
  ["1 MiB", "x".repeat(1024 * 1024)],
] as const;
const LONGEST_MESSAGE = 2_000;
const strict = onlyCrib("checks few of its fields, and panics on some");

/** What only the deferred RPCs may answer. */
const DEFERRED = ["CheckpointContainer", "CheckpointPod", "RestorePod"];

type Call = (request: object, options: { timeoutMs: number }) => Promise<unknown> | AsyncIterable<unknown>;

/** Calls a method by its name in the proto; of a stream the first message. */
async function call(service: "runtime" | "images", method: string, request: object): Promise<unknown> {
  const invoke = Reflect.get(bed.cri[service], method) as Call;
  const answer = invoke(request, { timeoutMs: 20_000 });
  return answer instanceof Promise ? answer : answer[Symbol.asyncIterator]().next();
}

/** Requests that would do something, so that only the one bad field can be what is refused. */
function validRequest(method: string): object {
  const id = { podSandboxId: UNKNOWN_ID, containerId: UNKNOWN_ID };
  const config = podConfig(bed.engine);
  const image = { image: bed.registry.reference("busybox") };
  switch (method) {
    case "runPodSandbox":
      return { config };
    case "createContainer":
      return { ...id, config: containerConfig(image.image), sandboxConfig: config };
    case "pullImage":
    case "imageStatus":
      return { image };
    case "removeImage":
      return { image: { image: `${bed.registry.host}/none/such:1` } };
    case "execSync":
    case "exec":
      return { ...id, cmd: ["true"] };
    default:
      return id;
  }
}

/** Puts bad text into one field of a request and tells every answer that is not the right refusal. */
async function wrongAnswers(
  service: "runtime" | "images",
  method: DescMethod,
  { path, name, place }: StringField,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [what, value] of BAD_TEXTS) {
    const request = place(validRequest(method.localName), value);
    const { code, message } = await outcomeOf(call(service, method.localName, request));
    const deferred = DEFERRED.includes(method.name) && code === "Unimplemented";
    const refused = code === "InvalidArgument" && message.includes(name) && message.length < LONGEST_MESSAGE;
    if (!deferred && !refused) wrong.push(`${path} with ${what}: ${code} ${message.slice(0, 120)}`);
  }
  return wrong;
}

describe("text in any field of any RPC", () => {
  const services = [
    ["runtime", RuntimeService],
    ["images", ImageService],
  ] as const;
  for (const [service, descriptor] of services) {
    for (const method of descriptor.methods) {
      const fields = stringFields(method.input);
      if (fields.length === 0) continue;
      strict(`${method.name}: a NUL byte or 1 MiB is InvalidArgument and names the field`, async () => {
        const before = hostSnapshot(bed.engine);
        const wrong: string[] = [];
        for (const field of fields) wrong.push(...(await wrongAnswers(service, method, field)));
        expect(wrong).toEqual([]);
        await expectNoResidue(bed.engine, before);
      });
    }
  }
});

describe("what a pod may not be called, nor point at", () => {
  const rows: readonly (readonly [string, PodConfigInit])[] = [
    ["no metadata", { metadata: undefined as never }],
    ["no name", { metadata: { name: "", uid: "u", namespace: "n" } }],
    ["a name that is a path", { metadata: { name: "../../etc", uid: "u", namespace: "n" } }],
    ["a uid that is a path", { metadata: { name: "n", uid: "../x", namespace: "n" } }],
    ["a namespace that is a path", { metadata: { name: "n", uid: "u", namespace: "a/../b" } }],
    ["a log directory with ..", { logDirectory: "/var/log/../../etc" }],
    ["a relative log directory", { logDirectory: "logs" }],
    ["a cgroup parent with ..", { linux: { cgroupParent: "/../outside" } }],
    ["a hostname of 65 characters", { hostname: "h".repeat(65) }],
    ["a hostname with a slash", { hostname: "a/b" }],
    ["a name server that writes another line", { dnsConfig: { servers: ["10.0.0.1\nnameserver 6.6.6.6"] } }],
    ["a search domain that writes another line", { dnsConfig: { searches: ["a\noptions x"] } }],
    ["a sysctl with ..", { linux: { sysctls: { "net/../kernel/core_pattern": "x" } } }],
    ["a sysctl of the host", { linux: { sysctls: { "kernel.core_pattern": "|/evil" } } }],
    ["a host port that is none", { portMappings: [{ containerPort: 80, hostPort: 65_536 }] }],
    ["a negative container port", { portMappings: [{ containerPort: -1, hostPort: 8080 }] }],
  ];
  for (const [what, overrides] of rows) {
    strict(`${what} is InvalidArgument`, async () => {
      const before = hostSnapshot(bed.engine);
      const { code } = await outcomeOf(bed.runPod(overrides));
      expect(code).toBe("InvalidArgument");
      await expectNoResidue(bed.engine, before);
    });
  }

  test("an unknown runtime handler is refused", async () => {
    const before = hostSnapshot(bed.engine);
    const { code, message } = await outcomeOf(bed.runPod({}, "no-such-handler"));
    if (bed.kind === "crib") expect(code).toBeOneOf(["InvalidArgument", "NotFound"]);
    expect(code).not.toBe("OK");
    expect(message).toContain("no-such-handler");
    await expectNoResidue(bed.engine, before);
  });
});

const mountsOfTmp = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ containerPath: `/m${index}`, hostPath: "/tmp" }));

describe("what a container may not be called, nor point at", () => {
  const bytes = new TextEncoder().encode("a\0b");
  const rows: readonly (readonly [string, Omit<ContainerConfigInit, "image">])[] = [
    ["no metadata", { metadata: undefined as never }],
    ["a name that is a path", { metadata: { name: "../x" } }],
    ["a log path with ..", { logPath: "../../../etc/cron.d/x" }],
    ["an absolute log path", { logPath: "/etc/x" }],
    ["an environment value with NUL", { envs: [{ key: "A", value: bytes }] }],
    ["an environment name with =", { envs: [{ key: "A=B", value: new Uint8Array() }] }],
    ["an environment without a name", { envs: [{ key: "", value: new Uint8Array() }] }],
    ["a mount without a target", { mounts: [{ containerPath: "", hostPath: "/tmp" }] }],
    ["a relative working directory", { workingDir: "a/../../b" }],
    ["a mount from a relative path", { mounts: [{ containerPath: "/m", hostPath: "../tmp" }] }],
    ["a negative memory limit", { linux: { resources: { memoryLimitInBytes: -5n } } }],
    ["a cpuset that is none", { linux: { resources: { cpusetCpus: "0;1" } } }],
    ["a device that is no path", { devices: [{ containerPath: "/dev/x", hostPath: "../null", permissions: "rwm" }] }],
    [
      "device permissions that are none",
      { devices: [{ containerPath: "/dev/x", hostPath: "/dev/null", permissions: "x" }] },
    ],
    ["more mounts than can be started (it was created, and its start failed)", { mounts: mountsOfTmp(509) }],
    ["an oom score that is none", { linux: { resources: { oomScoreAdj: 1001n } } }],
  ];
  for (const [what, overrides] of rows) {
    strict(`${what} is InvalidArgument`, async () => {
      const pod = await bed.runPod();
      const before = hostSnapshot(bed.engine);
      expect((await outcomeOf(bed.create(pod, overrides))).code).toBe("InvalidArgument");
      await expectNoResidue(bed.engine, before);
    });
  }
});

describe("names that mean something to JavaScript", () => {
  for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    test(`${key} as a label is just a label`, async () => {
      const labels = JSON.parse(`{${JSON.stringify(key)}: "evil", "plain": "kept"}`) as Record<string, string>;
      const pod = await bed.runPod({ labels, annotations: labels });
      const status = await pod.status();
      expect(status.labels.plain).toBe("kept");
      expect(Object.keys(await bed.runPod().then(async (other) => (await other.status()).labels))).toEqual([]);
      if (key !== "__proto__") expect(status.labels[key]).toBe("evil");
      const { items } = await bed.cri.runtime.listPodSandbox({ filter: { labelSelector: { plain: "kept" } } });
      expect(items.map((item) => item.id)).toEqual([pod.id]);
    });
  }
});

describe("ids nobody has", () => {
  const notFound: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["PodSandboxStatus", () => bed.cri.runtime.podSandboxStatus({ podSandboxId: UNKNOWN_ID })],
    ["ContainerStatus", () => bed.cri.runtime.containerStatus({ containerId: UNKNOWN_ID })],
    ["StartContainer", () => bed.cri.runtime.startContainer({ containerId: UNKNOWN_ID })],
    ["ExecSync", () => bed.cri.runtime.execSync({ containerId: UNKNOWN_ID, cmd: ["true"] })],
    ["ContainerStats", () => bed.cri.runtime.containerStats({ containerId: UNKNOWN_ID })],
    ["PodSandboxStats", () => bed.cri.runtime.podSandboxStats({ podSandboxId: UNKNOWN_ID })],
    ["ReopenContainerLog", () => bed.cri.runtime.reopenContainerLog({ containerId: UNKNOWN_ID })],
    [
      "UpdateContainerResources",
      () => bed.cri.runtime.updateContainerResources({ containerId: UNKNOWN_ID, linux: {} }),
    ],
  ];
  for (const [method, work] of notFound) {
    test(`${method} is NotFound and names the id`, async () => {
      const { code, message } = await outcomeOf(work());
      expect(code).toBe("NotFound");
      // containerd leaves the id out of some of its messages.
      if (bed.kind === "crib") expect(message).toContain(UNKNOWN_ID.slice(0, 12));
    });
  }

  strict("CreateContainer is NotFound", async () => {
    const request = {
      podSandboxId: UNKNOWN_ID,
      config: create(ContainerConfigSchema, containerConfig(bed.registry.reference("busybox"))),
    };
    const { code } = await outcomeOf(
      bed.cri.runtime.createContainer({
        ...request,
        sandboxConfig: create(PodSandboxConfigSchema, podConfig(bed.engine)),
      }),
    );
    expect(code).toBe("NotFound");
  });

  test("removing is success, lists are empty", async () => {
    expect((await outcomeOf(bed.cri.runtime.removeContainer({ containerId: UNKNOWN_ID }))).code).toBe("OK");
    expect((await bed.cri.runtime.listContainers({ filter: { id: UNKNOWN_ID } })).containers).toEqual([]);
    expect((await bed.cri.runtime.listPodSandbox({ filter: { id: UNKNOWN_ID } })).items).toEqual([]);
  });
});

test("as many mounts as a container may have are made", async () => {
  const pod = await bed.runPod();
  const container = await bed.runIdle(pod, { mounts: mountsOfTmp(508) });
  expect(await container.sh("grep -c ' /m[0-9]* ' /proc/self/mountinfo")).toContain("508");
});

describe("references that are none", () => {
  for (const reference of ["", "lower/UPPER", "a b", "../../etc/passwd", "host/x@sha256:short", `x${":"}`]) {
    strict(`pulling ${JSON.stringify(reference)} is InvalidArgument`, async () => {
      const { code } = await outcomeOf(bed.cri.images.pullImage({ image: { image: reference } }));
      expect(code).toBe("InvalidArgument");
    });
  }
});
