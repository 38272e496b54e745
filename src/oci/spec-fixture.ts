import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ContainerConfigSchema,
  ContainerMetadataSchema,
  PodSandboxConfigSchema,
  PodSandboxMetadataSchema,
} from "../gen/runtime/v1/api_pb.ts";
import { parseContainerId, parseSandboxId } from "../ids/object-id.ts";
import { parseCgroupPath, parseHostPath } from "../ids/path.ts";
import { capabilityMask, capabilityNames } from "../kernel/capabilities.ts";
import type { ContainerSpecInput } from "./container-spec.ts";
import type { HostFacts } from "./host-facts.ts";
import type { Accounts, ImageDefaults } from "./image-defaults.ts";

/** A host with everything but an LSM. */
export const fixtureHost: HostFacts = {
  architecture: "amd64",
  kernelVersion: { major: 6, minor: 18 },
  capabilities: capabilityMask(capabilityNames),
  cgroupMode: "v2",
  cgroupDelegation: true,
  apparmor: false,
  selinux: false,
  userNamespaces: true,
  seccomp: true,
  rlimits: [],
};

export const fixtureImage: ImageDefaults = {
  user: "",
  env: ["PATH=/bin", "LANG=C.UTF-8"],
  entrypoint: ["/entry"],
  cmd: ["serve", "--all"],
  workingDir: "",
};

export const fixtureAccounts: Accounts = {
  users: [
    { name: "root", uid: 0, gid: 0, home: "/root" },
    { name: "web", uid: 1000, gid: 1001, home: "/home/web" },
    // CVE-2016-3697: a name of digits that another user id hides behind.
    { name: "2000", uid: 0, gid: 0, home: "/root" },
  ],
  groups: [
    { name: "root", gid: 0, members: [] },
    { name: "web", gid: 1001, members: [] },
    { name: "audio", gid: 29, members: ["web", "other"] },
    { name: "video", gid: 44, members: ["web"] },
  ],
};

/** Input of `buildContainerSpec` for tests: a plain pod and image, and what the case changes. */
export function specInput(
  config: MessageInitShape<typeof ContainerConfigSchema>,
  changes: Partial<Omit<ContainerSpecInput, "config" | "sandboxConfig">> & {
    readonly sandbox?: MessageInitShape<typeof PodSandboxConfigSchema>;
  } = {},
): ContainerSpecInput {
  const { sandbox, ...rest } = changes;
  const pod = "/run/crib/pods/p";
  return {
    id: parseContainerId("c".repeat(64)),
    sandboxId: parseSandboxId("5".repeat(64)),
    config: create(ContainerConfigSchema, { metadata: create(ContainerMetadataSchema, { name: "app" }), ...config }),
    sandboxConfig: create(PodSandboxConfigSchema, {
      metadata: create(PodSandboxMetadataSchema, { name: "pod", namespace: "default", uid: "uid-1" }),
      hostname: "pod-host",
      ...sandbox,
    }),
    image: fixtureImage,
    accounts: fixtureAccounts,
    cgroupPath: parseCgroupPath(`/kubepods/pod1/${"c".repeat(64)}`),
    hostFiles: {
      hosts: parseHostPath(`${pod}/hosts`),
      resolvConf: parseHostPath(`${pod}/resolv.conf`),
      hostname: parseHostPath(`${pod}/hostname`),
      shm: parseHostPath(`${pod}/shm`),
    },
    host: fixtureHost,
    seccompProfile: undefined,
    ...rest,
  };
}
