import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Code } from "@connectrpc/connect";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { failure } from "../../../tests/fixtures/rpc-outcomes.ts";
import {
  SecurityProfileBase_BaseType as BaseType,
  CgroupMountMode,
  NamespaceMode,
  SecurityProfile_ProfileType,
} from "../../gen/runtime/v1/api_pb.ts";

const { OCI, Localhost, RuntimeDefault, Unconfined } = SecurityProfile_ProfileType;
const ociRef = `r.example/p@sha256:${"1".repeat(64)}`;

const podConfig = { metadata: { name: "p", namespace: "default", uid: "u" } };

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("validation changes nothing", () => {
  const container = { metadata: { name: "c" }, image: { image: "busybox" } };
  const run = (over: object) => () => server.runtime.runPodSandbox({ config: { ...podConfig, ...over } });
  const make = (over: object) => () =>
    server.runtime.createContainer({ podSandboxId: "x", config: { ...container, ...over } });
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
    ["hostname of two lines", run({ hostname: "a\n127.0.0.1 b" }), "config.hostname"],
    ["hostname that is a path", run({ hostname: "a/b" }), "config.hostname"],
    ["hostname of 64 letters and 66 bytes", run({ hostname: `${"a".repeat(62)}éé` }), "config.hostname"],
    ["long hostname", run({ hostname: "a".repeat(65) }), "config.hostname"],
    ["dns newline", run({ dnsConfig: { searches: ["a\nnameserver 6.6.6.6"] } }), "config.dns_config.searches"],
    ["dns server", run({ dnsConfig: { servers: ["dns.example"] } }), "config.dns_config.servers"],
    ["host port", run({ portMappings: [{ hostPort: 65_536, containerPort: 1 }] }), "config.port_mappings[0].host_port"],
    [
      "container port",
      run({ portMappings: [{ hostPort: 80, containerPort: 0 }] }),
      "config.port_mappings[0].container_port",
    ],
    ["negative port", run({ portMappings: [{ containerPort: -1 }] }), "config.port_mappings[0].container_port"],
    [
      "protocol",
      run({ portMappings: [{ protocol: 9 as never }] }),
      "config.port_mappings[0].protocol: 9 is not a known Protocol",
    ],
    ["cgroup parent", run({ linux: { cgroupParent: "/../../x" } }), "config.linux.cgroup_parent"],
    ["sysctl", run({ linux: { sysctls: { "a=b": "1" } } }), "config.linux.sysctls"],
    ["sysctl value", run({ linux: { sysctls: { "kernel.sem": "1\n2" } } }), "config.linux.sysctls"],
    [
      "cgroup namespace of a pod",
      run(linux({ namespaceOptions: { cgroupnsOptions: { mode: NamespaceMode.CONTAINER } } })),
      "config.linux.security_context.namespace_options.cgroupns_options is for containers",
    ],
    [
      "OCI apparmor of a pod",
      run(linux({ apparmor: { profileType: OCI, ociRef: "r.example/p@sha256:1" } })),
      "config.linux.security_context.apparmor: profiles of type OCI are for seccomp only",
    ],
    [
      "OCI seccomp of a pod without its reference",
      run(linux({ seccomp: { profileType: OCI } })),
      "config.linux.security_context.seccomp.oci_ref is required",
    ],
    [
      "pid target",
      run(linux({ namespaceOptions: { pid: NamespaceMode.TARGET, targetId: "x" } })),
      "TARGET is for containers",
    ],
    [
      "network mode",
      run(linux({ namespaceOptions: { network: NamespaceMode.CONTAINER } })),
      "namespace_options.network",
    ],
    ["userns", run(linux({ namespaceOptions: { usernsOptions: { mode: NamespaceMode.POD } } })), "userns_options"],
    ["no sandbox", () => server.runtime.createContainer({ config: container }), "pod_sandbox_id is required"],
    ["no image", make({ image: {} }), "config.image.image is required"],
    ["log path ..", make({ logPath: "../../x" }), "config.log_path"],
    ["log path absolute", make({ logPath: "/etc/passwd" }), "config.log_path"],
    ["working dir", make({ workingDir: "a/b" }), "config.working_dir"],
    ["mount target", make({ mounts: [{ containerPath: "x", hostPath: "/x" }] }), "config.mounts[0].container_path"],
    ["mount source", make({ mounts: [{ containerPath: "/x", hostPath: "" }] }), "config.mounts[0].host_path"],
    [
      "mount source ..",
      make({ mounts: [{ containerPath: "/x", hostPath: "/a/../../b" }] }),
      "config.mounts[0].host_path",
    ],
    [
      "image sub path",
      make({ mounts: [{ containerPath: "/x", image: { image: "i" }, imageSubPath: "../.." }] }),
      "image_sub_path",
    ],
    [
      "rro",
      make({ mounts: [{ containerPath: "/x", hostPath: "/x", recursiveReadOnly: true }] }),
      "recursive_read_only",
    ],
    [
      "mount option",
      make({ mounts: [{ containerPath: "/x", hostPath: "/x", mountOptions: ["suid"] }] }),
      "mount_options",
    ],
    ["env key", make({ envs: [{ key: "A=B" }] }), "config.envs[0].key"],
    [
      "env value",
      make({ envs: [{ key: "A", value: new Uint8Array([65, 0]) }] }),
      'config.envs[0].value ("A") contains a NUL byte',
    ],
    [
      "env key with a line break (a refusal told it in two lines)",
      make({ envs: [{ key: "A\nforged", value: new Uint8Array([0]) }] }),
      'config.envs[0].value ("A\\nforged") contains a NUL byte',
    ],
    ["env size", make({ envs: [{ key: "A", value: new Uint8Array(200_000).fill(65) }] }), "longer than"],
    ["device", make({ devices: [{ containerPath: "/dev/x", hostPath: "/dev/x", permissions: "rwx" }] }), "permissions"],
    ["stop signal", make({ stopSignal: 99 as never }), "config.stop_signal: 99 is not a known Signal"],
    ["uid -1", make(linux({ runAsUser: { value: -1n } })), "run_as_user"],
    ["uid 2^32", make(linux({ runAsUser: { value: 4_294_967_296n } })), "run_as_user"],
    ["gid alone", make(linux({ runAsGroup: { value: 1n } })), "run_as_group needs"],
    ["group", make(linux({ supplementalGroups: [-5n] })), "supplemental_groups"],
    ["capability", make(linux({ capabilities: { addCapabilities: ["NET ADMIN"] } })), "capabilities"],
    ["localhost seccomp", make(linux({ seccomp: { profileType: 2 } })), "seccomp.localhost_ref"],
    ["OCI apparmor", make(linux({ apparmor: { profileType: OCI, ociRef } })), "apparmor: profiles of type OCI are for"],
    ["OCI without reference", make(linux({ seccomp: { profileType: OCI } })), "seccomp.oci_ref is required"],
    [
      "oci_ref of another type",
      make(linux({ seccomp: { profileType: RuntimeDefault, ociRef } })),
      "seccomp.oci_ref is for profiles of type OCI, this one is RuntimeDefault",
    ],
    [
      "oci_ref of an AppArmor profile",
      make(linux({ apparmor: { profileType: Localhost, localhostRef: "x", ociRef } })),
      "apparmor.oci_ref is for profiles of type OCI, this one is Localhost",
    ],
    [
      "base_profile of another type",
      make(linux({ seccomp: { profileType: Unconfined, baseProfile: {} } })),
      "seccomp.base_profile is for profiles of type OCI, this one is Unconfined",
    ],
    [
      "Localhost base without its path",
      make(linux({ seccomp: { profileType: OCI, ociRef, baseProfile: { type: BaseType.Localhost } } })),
      "seccomp.base_profile.localhost_ref is required",
    ],
    [
      "RuntimeDefault base with a path",
      make(linux({ seccomp: { profileType: OCI, ociRef, baseProfile: { localhostRef: "/x" } } })),
      "seccomp.base_profile.localhost_ref is for a Localhost base",
    ],
    [
      "cgroup namespace POD",
      make(linux({ namespaceOptions: { cgroupnsOptions: { mode: NamespaceMode.POD } } })),
      "namespace_options.cgroupns_options.mode: POD is neither",
    ],
    [
      "cgroups read-only and privileged",
      make(linux({ privileged: true, cgroupMountMode: CgroupMountMode.READ_ONLY })),
      "config.linux.security_context.cgroup_mount_mode",
    ],
    [
      "cgroup mount mode of no name",
      make(linux({ cgroupMountMode: 7 as never })),
      "cgroup_mount_mode: 7 is not a known CgroupMountMode",
    ],
    ["target pid", make(linux({ namespaceOptions: { pid: NamespaceMode.TARGET } })), "target_id"],
    ["oom score", make({ linux: { resources: { oomScoreAdj: 1001n } } }), "oom_score_adj"],
    ["cpuset", make({ linux: { resources: { cpusetCpus: "0-3;x" } } }), "cpuset_cpus"],
    ["unified", make({ linux: { resources: { unified: { "../x": "1" } } } }), "unified"],
    ["page size", make({ linux: { resources: { hugepageLimits: [{ pageSize: "../2MB" }] } } }), "hugepage_limits"],
    ["update nothing", () => server.runtime.updateContainerResources({ containerId: "x" }), "linux is required"],
    [
      "exec timeout",
      () => server.runtime.execSync({ containerId: "x", cmd: ["a"], timeout: -1n }),
      "timeout -1 is negative",
    ],
    ["empty image", () => server.image.imageStatus({}), "image.image is required"],
    ["blank in image", () => server.image.pullImage({ image: { image: "a b" } }), "image.image"],
    [
      "filter enum",
      () => server.runtime.listContainers({ filter: { state: { state: 77 as never } } }),
      "filter.state.state: 77",
    ],
  ])("%s", async (_name, call, message) => {
    const before = server.pods.calls.length + server.images.asked.length;
    const error = await failure(call());
    expect([error.code, error.rawMessage]).toEqual([Code.InvalidArgument, expect.stringContaining(message)]);
    expect(server.pods.calls.length + server.images.asked.length).toBe(before);
  });
});
