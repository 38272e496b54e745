import { describe, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import {
  ContainerConfigSchema,
  LinuxContainerResourcesSchema,
  PodSandboxConfigSchema,
} from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import { emptySecurityContext } from "../../spec/security-context.ts";
import { parseContainerSpec } from "./container-spec.ts";
import { parsePodSpec } from "./pod-spec.ts";
import { parseResourceLimits } from "./resource-limits.ts";

type ContainerInit = Exclude<MessageInitShape<typeof ContainerConfigSchema>, { $typeName: string }>;
type PodInit = Exclude<MessageInitShape<typeof PodSandboxConfigSchema>, { $typeName: string }>;

const container = (init: ContainerInit = {}) =>
  parseContainerSpec(create(ContainerConfigSchema, { metadata: { name: "c" }, image: { image: "i" }, ...init }));
const pod = (init: PodInit = {}) =>
  parsePodSpec(create(PodSandboxConfigSchema, { metadata: { name: "p", namespace: "n", uid: "u" }, ...init }));
const security = (init: object) => container({ linux: { securityContext: init } } as never).linux?.securityContext;

describe("a request that says the least", () => {
  test("a pod", () => {
    expect(pod()).toEqual({
      metadata: { name: "p", namespace: "n", uid: "u", attempt: 0 },
      hostname: "",
      logDirectory: undefined,
      dnsConfig: undefined,
      portMappings: [],
      labels: {},
      annotations: {},
      linux: undefined,
    });
  });

  test("a container", () => {
    expect(container()).toEqual({
      metadata: { name: "c", attempt: 0 },
      image: { image: "i", annotations: {}, userSpecifiedImage: "", runtimeHandler: "", imageRef: "" },
      command: [],
      args: [],
      workingDir: "",
      envs: [],
      mounts: [],
      devices: [],
      cdiDevices: [],
      labels: {},
      annotations: {},
      logPath: "",
      stdin: false,
      stdinOnce: false,
      tty: false,
      stopSignal: undefined,
      linux: undefined,
    });
  });

  test("messages that are there and empty are there", () => {
    expect(pod({ linux: {} }).linux).toEqual({
      cgroupParent: "",
      sysctls: {},
      overhead: undefined,
      resources: undefined,
      securityContext: undefined,
    });
    expect(container({ linux: {} }).linux).toEqual({ resources: undefined, securityContext: undefined });
    expect(security({})).toEqual(emptySecurityContext);
    expect(security({ namespaceOptions: {} })?.namespaceOptions).toEqual({
      network: "pod",
      pid: "pod",
      ipc: "pod",
      targetId: "",
      usernsOptions: undefined,
      cgroupnsOptions: undefined,
    });
  });

  test.each([
    ["no pod", () => parsePodSpec(undefined), "config is required"],
    ["no container", () => parseContainerSpec(undefined), "config is required"],
    ["no sandbox config, by its name", () => parsePodSpec(undefined, "sandbox_config"), "sandbox_config is required"],
    ["a pod without metadata", () => parsePodSpec(create(PodSandboxConfigSchema)), "config.metadata is required"],
    ["a container without metadata", () => parseContainerSpec(create(ContainerConfigSchema)), "config.metadata"],
    ["a container without image", () => container({ image: {} }), "config.image.image is required"],
  ] as const)("%s is refused", (_what, parse, message) => {
    expect(parse).toThrow(message);
  });
});

describe("each word and number is read as what it means", () => {
  const mount = (init: object) => container({ mounts: [{ containerPath: "/v", ...init }] } as never).mounts[0];
  const cases: readonly [string, unknown, unknown][] = [
    ["run_as_user 0 is not unset", security({ runAsUser: { value: 0n } })?.runAsUser, 0n],
    ["run_as_user unset is not 0", security({})?.runAsUser, undefined],
    ["a mount of the host", mount({ hostPath: "/a//b/." })?.hostPath, "/a//b/."],
    ["a mount of the host has no image", mount({ hostPath: "/a", image: {} })?.image, undefined],
    ["a mount of an image has no path", mount({ image: { image: "i" }, readonly: true })?.hostPath, undefined],
    ["propagation 1", mount({ hostPath: "/a", propagation: 1 })?.propagation, "host-to-container"],
    ["propagation 2", mount({ hostPath: "/a", propagation: 2 })?.propagation, "bidirectional"],
    ["namespace mode 2", security({ namespaceOptions: { network: 2 } })?.namespaceOptions?.network, "node"],
    ["policy 1", security({ supplementalGroupsPolicy: 1 })?.supplementalGroupsPolicy, "strict"],
    ["cgroup mode 0", security({ cgroupMountMode: 0 })?.cgroupMountMode, undefined],
    ["cgroup mode 2", security({ cgroupMountMode: 2 })?.cgroupMountMode, "read-write"],
    ["profile 0", security({ seccomp: { profileType: 0 } })?.seccomp, { kind: "runtime-default" }],
    ["profile 1", security({ seccomp: { profileType: 1 } })?.seccomp, { kind: "unconfined" }],
    [
      "profile 2",
      security({ seccomp: { profileType: 2, localhostRef: "a" } })?.seccomp,
      { kind: "localhost", reference: "a" },
    ],
    [
      "profile 3, without a base",
      security({ seccomp: { profileType: 3, ociRef: "r" } })?.seccomp,
      { kind: "oci", reference: "r", base: undefined },
    ],
    ["signal 1", container({ stopSignal: 1 }).stopSignal, 6],
    ["signal 65", container({ stopSignal: 65 }).stopSignal, 64],
    ["protocol 2", pod({ portMappings: [{ protocol: 2, containerPort: 1 }] }).portMappings[0]?.protocol, "sctp"],
    [
      "bytes that are no UTF-8",
      container({ envs: [{ key: "A", value: Uint8Array.of(0xff) }] }).envs[0]?.value,
      "\udcff",
    ],
    ["bytes that are none", container({ envs: [{ key: "A", value: new Uint8Array() }] }).envs[0]?.value, ""],
    ["a log directory", pod({ logDirectory: "/var/log/x" }).logDirectory, "/var/log/x"],
  ];
  test.each(cases)("%s", (_what, found, expected) => {
    expect(found).toEqual(expected);
  });

  test.each([
    ["the most an int64 holds", 2n ** 63n - 1n],
    ["one that a double does not hold", 2n ** 53n + 1n],
    ["none", -1n],
    ["unset", 0n],
  ] as const)("a memory limit: %s", (_what, bytes) => {
    const message = create(LinuxContainerResourcesSchema, { memoryLimitInBytes: bytes, cpuQuota: bytes });
    expect(parseResourceLimits(message, "linux")).toMatchObject({ memoryLimitBytes: bytes, cpuQuotaUs: bytes });
  });

  test("a limit below what there is, by the API's name of the field", () => {
    const message = create(LinuxContainerResourcesSchema, { memoryLimitInBytes: -2n });
    expect(() => parseResourceLimits(message, "linux")).toThrow("linux.memory_limit_in_bytes -2");
  });
});

describe("an enum's number that the API does not have", () => {
  const options = (namespaceOptions: object) => () => security({ namespaceOptions });
  test.each<readonly [string, () => unknown]>([
    ["network", options({ network: 9 })],
    ["user namespace", options({ usernsOptions: { mode: 9 } })],
    ["cgroup namespace", options({ cgroupnsOptions: { mode: 9 } })],
    ["propagation", () => container({ mounts: [{ containerPath: "/v", hostPath: "/a", propagation: 9 as never }] })],
    ["policy", () => security({ supplementalGroupsPolicy: 9 })],
    ["cgroup mount mode", () => security({ cgroupMountMode: 9 })],
    ["seccomp profile", () => security({ seccomp: { profileType: 9, localhostRef: "x" } })],
    ["signal", () => container({ stopSignal: 66 as never })],
    ["protocol", () => pod({ portMappings: [{ protocol: 9 as never, containerPort: 1 }] })],
  ])("%s", (_what, parse) => {
    expect(parse).toThrow();
  });
});

describe("a spec", () => {
  const frozenAllTheWay = (value: unknown): boolean =>
    typeof value !== "object" ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozenAllTheWay));

  test("is frozen, all the way down", () => {
    const limits = { hugepageLimits: [{ pageSize: "2MB", limit: 1n }], unified: { "memory.high": "max" } };
    const namespaceOptions = { usernsOptions: { mode: 2 } };
    const full: ContainerSpec = container({
      labels: { a: "b" },
      mounts: [{ containerPath: "/v", hostPath: "/a", mountOptions: ["nodev"] }],
      linux: { resources: limits, securityContext: { namespaceOptions, capabilities: { addCapabilities: ["X"] } } },
    });
    expect(frozenAllTheWay(full)).toBe(true);
    expect(frozenAllTheWay(pod({ linux: { resources: limits, sysctls: { "a.b": "1" } } }))).toBe(true);
    expect(frozenAllTheWay(emptySecurityContext)).toBe(true);
  });

  test("shares nothing with the message it was made of", () => {
    const message = create(ContainerConfigSchema, {
      metadata: { name: "c" },
      image: { image: "i" },
      labels: { a: "b" },
      args: ["x"],
    });
    const spec = parseContainerSpec(message);
    message.labels["a"] = "c";
    message.args.push("y");
    expect([spec.labels, spec.args]).toEqual([{ a: "b" }, ["x"]]);
  });
});
