import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { invalidArgument } from "../../../src/errors/crib-error.ts";
import {
  type ContainerConfigSchema,
  CreateContainerRequestSchema,
  MountPropagation,
  NamespaceMode,
  type PodSandboxConfigSchema,
  RunPodSandboxRequestSchema,
  SecurityProfile_ProfileType,
} from "../../../src/gen/runtime/v1/api_pb.ts";
import { maxPayloadBytes } from "../../../src/runtime/native/monitor/frames.ts";
import { FrameKind } from "../../../src/runtime/native/wire-numbers.ts";
import { CJudge, judged } from "../c-judge.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { MessageMutator } from "../message-mutator.ts";
import { type PlanRequest, requestsOfContainer, requestsOfSandbox } from "../plan-requests.ts";
import { refusalWord } from "../refusal-word.ts";

type Container = Exclude<MessageInitShape<typeof ContainerConfigSchema>, { $typeName: string }>;
type Sandbox = Exclude<MessageInitShape<typeof PodSandboxConfigSchema>, { $typeName: string }>;

const pod: Sandbox = {
  metadata: { name: "web", namespace: "default", uid: "u-1", attempt: 0 },
  hostname: "web",
  logDirectory: "/var/log/pods/web",
  dnsConfig: { servers: ["10.0.0.10"], searches: ["default.svc.cluster.local"], options: ["ndots:5"] },
  portMappings: [{ containerPort: 80, hostPort: 8080 }],
  labels: { app: "web" },
  linux: {
    cgroupParent: "/kubepods/burstable/pod1",
    sysctls: { "net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1" },
    securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } },
  },
};
const plain: Container = {
  metadata: { name: "main", attempt: 0 },
  image: { image: "busybox:1.36" },
  command: ["/bin/sh", "-c"],
  args: ["echo $A"],
  workingDir: "/work",
  envs: [{ key: "A", value: Uint8Array.of(0x61, 0xff) }],
  mounts: [
    { containerPath: "/data", hostPath: "/srv/data" },
    {
      containerPath: "/ro",
      hostPath: "/srv/ro",
      readonly: true,
      recursiveReadOnly: true,
      propagation: MountPropagation.PROPAGATION_PRIVATE,
    },
    { containerPath: "/model", image: { image: "model:1" }, imageSubPath: "data", readonly: true },
  ],
  logPath: "main_0.log",
  linux: {
    resources: { cpuShares: 512n, cpuQuota: 50_000n, cpuPeriod: 100_000n, memoryLimitInBytes: 1n << 27n },
    securityContext: {
      namespaceOptions: { pid: NamespaceMode.CONTAINER },
      runAsUser: { value: 1000n },
      runAsGroup: { value: 1001n },
      supplementalGroups: [29n, 44n],
      noNewPrivs: true,
      readonlyRootfs: true,
      capabilities: { addCapabilities: ["NET_ADMIN"], dropCapabilities: ["ALL"] },
      seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
    },
  },
};
const ids = [{ hostId: 100_000, containerId: 0, length: 65_536 }];
const usernsOptions = { mode: NamespaceMode.POD, uids: ids, gids: ids };
const ownUsers = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions } } };

function container(host: number, config: Container, sandboxConfig: Sandbox): Uint8Array {
  const request = create(CreateContainerRequestSchema, { podSandboxId: "5".repeat(64), config, sandboxConfig });
  return Buffer.concat([Uint8Array.of(host), toBinary(CreateContainerRequestSchema, request)]);
}

function sandbox(config: Sandbox): Uint8Array {
  const request = create(RunPodSandboxRequestSchema, { config });
  return Buffer.concat([Uint8Array.of(FOR_SANDBOX), toBinary(RunPodSandboxRequestSchema, request)]);
}

/** Bit of the first byte. */
const FOR_SANDBOX = 4;

/**
 * A CreateContainer or RunPodSandbox request on its way to the monitor: it is refused with an error of ours, or what is sent
 * is accepted by the reader in C. The first byte chooses the request and the host.
 */
export function criToPlan(): FuzzTarget {
  let judge: CJudge | undefined;
  return {
    name: "cri-to-plan",
    maxInputBytes: 1 << 17,
    maxInputMs: 1000,
    examples: () => [
      container(3, plain, pod),
      container(0, { metadata: { name: "small" }, image: { image: "busybox" }, tty: true, stdin: true }, pod),
      container(1, { ...plain, linux: ownUsers, mounts: [] }, { ...pod, linux: ownUsers }),
      container(
        0,
        {
          ...plain,
          devices: [{ containerPath: "/dev/fuse", hostPath: "/dev/fuse", permissions: "rw" }],
          linux: { securityContext: { privileged: true } },
        },
        { ...pod, linux: { securityContext: { privileged: true } } },
      ),
      sandbox(pod),
      sandbox({ ...pod, linux: ownUsers }),
    ],
    tokens: ["/proc", "/dev", "\0", "..", "\x08\xff\xff\xff\xff\x0f"].map((token) => Buffer.from(token, "latin1")),
    mutate(input, random) {
      const schema = ((input[0] ?? 0) & FOR_SANDBOX) === 0 ? CreateContainerRequestSchema : RunPodSandboxRequestSchema;
      const mutator = new MessageMutator(random);
      try {
        const message = fromBinary(schema, input.subarray(1));
        for (let changes = 1 << Math.floor(random.next() * 4); changes > 0; changes--) mutator.mutate(schema, message);
        return Buffer.concat([input.subarray(0, 1), toBinary(schema, message)]);
      } catch {
        return undefined; // bytes that are no message, or a value that cannot be written
      }
    },
    run(input) {
      let requests: readonly PlanRequest[];
      try {
        requests = requestsOf(input);
      } catch (error) {
        const word = refusalWord(error);
        checkText(String(error));
        return word;
      }
      judge ??= new CJudge();
      for (const { kind, payload } of requests) {
        if (payload.length > maxPayloadBytes) throw new Error(`${kind} of ${payload.length} bytes`);
        if (!judge.accepts(judged.request(FrameKind[kind], payload)))
          throw new Error(`the monitor refuses the ${kind}`);
      }
      return requests.map(({ kind, steps }) => `${kind} ${[...steps].sort().join()}`).join(" ");
    },
    finish: () => judge?.[Symbol.dispose](),
  };
}

/** What is refused ends in logs and on terminals: one line. */
function checkText(message: string): void {
  if ([...message].some((character) => character < " "))
    throw new Error(`a refusal with control characters: ${JSON.stringify(message)}`);
}

/** What an input becomes. @throws {CribError} for what is refused. */
export function requestsOf(input: Uint8Array): readonly PlanRequest[] {
  const choice = input[0] ?? 0;
  const bytes = new Uint8Array(input.subarray(1));
  if ((choice & FOR_SANDBOX) !== 0) return requestsOfSandbox(decode(RunPodSandboxRequestSchema, bytes));
  return requestsOfContainer(decode(CreateContainerRequestSchema, bytes), choice & 3);
}

/** Connect decodes requests, and answers what it cannot decode. */
function decode<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw invalidArgument("no message", error);
  }
}
