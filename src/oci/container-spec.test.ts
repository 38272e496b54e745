import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fixtureHost, fixtureImage, specInput } from "../../tests/fixtures/spec-input.ts";
import { CribError } from "../errors/crib-error.ts";
import { MountPropagation, NamespaceMode } from "../gen/runtime/v1/api_pb.ts";
import { buildContainerSpec, type ContainerSpecInput } from "./container-spec.ts";
import { defaultSeccompProfile } from "./seccomp/default-profile.ts";

const updateGolden = Bun.env["UPDATE_GOLDEN"] === "1";

const pods = { hostId: 100_000, containerId: 0, length: 65_536 };
const ownUsers = { usernsOptions: { mode: NamespaceMode.POD, uids: [pods], gids: [pods] } };

/** Whole documents, reviewed by eye; `UPDATE_GOLDEN=1 bun test src/oci` writes them anew. */
const goldens: Readonly<Record<string, ContainerSpecInput>> = {
  default: specInput({}),
  privileged: specInput(
    { linux: { securityContext: { privileged: true, maskedPaths: ["/proc/kcore"] } } },
    {
      sandbox: { linux: { securityContext: { privileged: true } } },
      devices: [
        { device: { path: "/dev/sda", type: "b", major: 8, minor: 0, fileMode: 0o660, uid: 0, gid: 6 }, access: "rwm" },
      ],
    },
  ),
  "host-namespaces": specInput({
    linux: {
      securityContext: {
        namespaceOptions: { network: NamespaceMode.NODE, pid: NamespaceMode.NODE, ipc: NamespaceMode.NODE },
        maskedPaths: ["/proc/kcore"],
        readonlyPaths: ["/proc/sys"],
      },
    },
  }),
  "user-by-name": specInput({
    linux: {
      securityContext: {
        runAsUsername: "web",
        supplementalGroups: [5000n, 29n],
        noNewPrivs: true,
        readonlyRootfs: true,
        capabilities: {
          dropCapabilities: ["ALL"],
          addCapabilities: ["net_bind_service"],
          addAmbientCapabilities: ["NET_BIND_SERVICE"],
        },
      },
    },
  }),
  terminal: specInput({
    tty: true,
    stdin: true,
    command: ["/bin/sh"],
    workingDir: "/work",
    envs: [
      { key: "LANG", value: new TextEncoder().encode("de") },
      { key: "BYTES", value: Uint8Array.of(0x61, 0xff, 0xc3, 0xa9) },
    ],
  }),
  mounts: specInput({
    mounts: [
      { containerPath: "/data/deep/er", hostPath: "/srv/deeper", readonly: true },
      { containerPath: "/data", hostPath: "/srv/data", propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL },
      { containerPath: "/etc/hosts", hostPath: "/var/lib/kubelet/pods/1/etc-hosts" },
      { containerPath: "/ro/", hostPath: "/srv/ro", readonly: true, recursiveReadOnly: true },
      { containerPath: "/slave", hostPath: "/srv/slave", propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER },
      { containerPath: "/dev/termination-log", hostPath: "/var/lib/kubelet/pods/1/log" },
      { containerPath: "/plain", hostPath: "/srv/plain", mountOptions: ["noexec", "nosuid"] },
    ],
  }),
  "user-namespace": specInput(
    {
      linux: { securityContext: { namespaceOptions: { ...ownUsers, network: NamespaceMode.NODE } } },
      mounts: [
        { containerPath: "/mapped", hostPath: "/srv/mapped", uidMappings: [pods], gidMappings: [pods] },
        { containerPath: "/plain", hostPath: "/srv/plain" },
      ],
    },
    { sandbox: { linux: { securityContext: { namespaceOptions: ownUsers } } } },
  ),
  resources: specInput(
    {
      linux: {
        resources: {
          cpuShares: 512n,
          cpuQuota: 50_000n,
          cpuPeriod: 100_000n,
          memoryLimitInBytes: 268_435_456n,
          oomScoreAdj: 985n,
          cpusetCpus: "0-1,3",
          cpusetMems: "0",
          hugepageLimits: [{ pageSize: "2MB", limit: 0n }],
          unified: { "memory.high": "200000000" },
        },
      },
    },
    {
      devices: [
        {
          device: { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 },
          access: "rw",
        },
      ],
      seccompProfile: { defaultAction: "SCMP_ACT_ALLOW", architectures: [], syscalls: [] },
    },
  ),
};

describe("buildContainerSpec()", () => {
  for (const [name, input] of Object.entries(goldens)) {
    test(`writes the document of golden/${name}.json`, () => {
      const path = `${import.meta.dir}/golden/${name}.json`;
      const text = `${JSON.stringify(buildContainerSpec(input), undefined, 2)}\n`;
      if (updateGolden) writeFileSync(path, text);
      expect(existsSync(path)).toBe(true);
      expect(text).toBe(readFileSync(path, "utf8"));
    });
  }

  test("writes no annotation of pod or container into the spec (CVE-2024-3154)", () => {
    const annotations = { "org.systemd.property.ExecStartPre": "x", "run.oci.handler": "x", "org.criu.config": "x" };
    const spec = buildContainerSpec(
      specInput({ annotations, labels: { ["__proto__"]: "x" } }, { sandbox: { annotations } }),
    );
    expect(Object.keys(spec.annotations).every((key) => key.startsWith("io.kubernetes.cri."))).toBe(true);
  });

  const refusals: Readonly<
    Record<string, [Parameters<typeof specInput>[0], string, Parameters<typeof specInput>[1]?]>
  > = {
    "no command anywhere": [{}, "no command specified", { image: { ...fixtureImage, entrypoint: [], cmd: [] } }],
    "a NUL byte in an argument": [{ args: ["a\0b"] }, "NUL"],
    "a NUL byte in a value": [{ envs: [{ key: "A", value: Uint8Array.of(0) }] }, "NUL"],
    "an environment name with =": [{ envs: [{ key: "A=B", value: Uint8Array.of() }] }, "A=B"],
    "a relative working directory": [{ workingDir: "work" }, "not absolute"],
    "a working directory through a descriptor (CVE-2024-21626)": [{ workingDir: "/proc/self/fd/7/../.." }, "/proc"],
    "an image's working directory through a descriptor": [
      {},
      "/proc",
      { image: { ...fixtureImage, workingDir: "/proc/self/fd/8" } },
    ],
    "a mount over the root": [{ mounts: [{ containerPath: "/x/..", hostPath: "/srv" }] }, "hide the container's root"],
    "a mount over procfs (CVE-2019-16884)": [{ mounts: [{ containerPath: "/proc/self", hostPath: "/srv" }] }, "procfs"],
    "a mount over procfs in disguise": [
      { mounts: [{ containerPath: "/a/../proc//sys/kernel", hostPath: "/srv" }] },
      "procfs",
    ],
    "a relative host path": [{ mounts: [{ containerPath: "/a", hostPath: "srv" }] }, "not absolute"],
    "an unknown mount option": [
      { mounts: [{ containerPath: "/a", hostPath: "/srv", mountOptions: ["suid"] }] },
      "suid",
    ],
    "recursive read-only of a writable mount": [
      { mounts: [{ containerPath: "/a", hostPath: "/srv", recursiveReadOnly: true }] },
      "recursive_read_only",
    ],
    "an unknown capability": [{ linux: { securityContext: { capabilities: { addCapabilities: ["FLY"] } } } }, "FLY"],
    "an unresolved device": [{ devices: [{ hostPath: "/dev/fuse" }] }, "not resolved"],
    "device permissions that are none": [
      {},
      "rwm",
      {
        devices: [
          { device: { path: "/dev/x", type: "c", major: 1, minor: 1, fileMode: 0, uid: 0, gid: 0 }, access: "rx" },
        ],
      },
    ],
    "a privileged container in a plain pod": [{ linux: { securityContext: { privileged: true } } }, "privileged pod"],
    "an oom score out of range": [{ linux: { resources: { oomScoreAdj: 1001n } } }, "oom_score_adj 1001"],
    "negative shares": [{ linux: { resources: { cpuShares: -1n } } }, "cpu_shares -1"],
    "a swap limit below memory": [
      { linux: { resources: { memoryLimitInBytes: 100n, memorySwapLimitInBytes: 50n } } },
      "memory_swap_limit_in_bytes 50",
    ],
    "a cpu list that is none": [{ linux: { resources: { cpusetCpus: "0-1;2" } } }, "cpuset_cpus"],
    "a unified key that leaves the group": [
      { linux: { resources: { unified: { "../memory.max": "1" } } } },
      "unified key",
    ],
    "a unified key of the group itself": [
      { linux: { resources: { unified: { "cgroup.procs": "1" } } } },
      "unified key",
    ],
    "a user namespace that is not the pod's": [
      { linux: { securityContext: { namespaceOptions: ownUsers } } },
      "not that of its pod",
    ],
  };
  for (const [name, [config, message, changes]] of Object.entries(refusals)) {
    test(`refuses ${name}`, () => {
      const build = () => buildContainerSpec(specInput(config, changes));
      expect(build).toThrow(CribError);
      expect(build).toThrow(message);
    });
  }

  test("has no SELinux label where the kernel has no SELinux (workloads that name one could not start)", () => {
    const linux = { securityContext: { selinuxOptions: { type: "container_t", level: "s0:c1,c2" } } };
    const labelled = (selinux: boolean) => {
      const spec = buildContainerSpec(specInput({ linux }, { host: { ...fixtureHost, selinux } }));
      return [spec.process.selinuxLabel, spec.linux.mountLabel];
    };
    expect(labelled(false)).toEqual([undefined, undefined]);
    expect(labelled(true)).toEqual([
      "system_u:system_r:container_t:s0:c1,c2",
      "system_u:object_r:container_file_t:s0:c1,c2",
    ]);
  });

  test("leaves out capabilities the host lacks", () => {
    const host = { ...fixtureHost, capabilities: fixtureHost.capabilities & ~(1n << 24n) };
    const linux = { securityContext: { capabilities: { addCapabilities: ["ALL"] } } };
    const { capabilities } = buildContainerSpec(specInput({ linux }, { host })).process;
    expect(capabilities?.bounding).toHaveLength(40);
    expect(capabilities?.bounding).not.toContain("CAP_SYS_RESOURCE");
    expect(capabilities?.inheritable).toEqual([]);
  });

  test("carries the seccomp profile it is given", () => {
    const seccompProfile = defaultSeccompProfile({ ...fixtureHost, capabilities: [] });
    expect(buildContainerSpec(specInput({}, { seccompProfile })).linux.seccomp).toBe(seccompProfile);
  });
});
