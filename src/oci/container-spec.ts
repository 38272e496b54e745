import { failedPrecondition, internal, invalidArgument } from "../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { CgroupPath } from "../ids/path.ts";
import type { ContainerSpec } from "../spec/container-spec.ts";
import type { PodSpec } from "../spec/pod-spec.ts";
import type { RequestedMount } from "../spec/requested-mount.ts";
import type { ContainerSecurityContext } from "../spec/security-context.ts";
import { type CgroupView, cgroupView } from "./cgroup-view.ts";
import type { GrantedDevice } from "./devices.ts";
import { deviceNodes, deviceRules } from "./devices.ts";
import type { HostFacts } from "./host-facts.ts";
import type { PodFiles } from "./mounts/mounts.ts";
import { buildMounts } from "./mounts/mounts.ts";
import { protectedPaths } from "./mounts/protected-paths.ts";
import type { AnonymousVolume, ImageVolume } from "./mounts/requested-mounts.ts";
import type { NamespacePaths } from "./namespaces.ts";
import { buildNamespaces } from "./namespaces.ts";
import { resolveCapabilities } from "./process/capabilities.ts";
import { commandLine } from "./process/command.ts";
import { buildEnvironment } from "./process/environment.ts";
import type { Accounts, ImageDefaults } from "./process/image-defaults.ts";
import { resolveUser } from "./process/user.ts";
import { workingDirectory } from "./process/working-directory.ts";
import { specResources } from "./resources/spec-resources.ts";
import type { RuntimeSpec, SpecLinux, SpecMount, SpecProcess, SpecSeccomp, SpecUser } from "./runtime-spec.ts";
import { selinuxFileLabel, selinuxLabel } from "./security-labels.ts";
import type { UserNamespace } from "./user-namespace.ts";
import { checkSameUserNamespace, hostIdOf, parseUserNamespace } from "./user-namespace.ts";

export interface ContainerSpecInput {
  readonly id: ContainerId;
  readonly sandboxId: SandboxId;
  readonly config: ContainerSpec;
  readonly sandboxConfig: PodSpec;
  readonly image: ImageDefaults;
  readonly accounts: Accounts;
  readonly cgroupPath: CgroupPath;
  readonly hostFiles: PodFiles;
  readonly host: HostFacts;
  /** Already resolved and reduced; undefined: unconfined. */
  readonly seccompProfile: SpecSeccomp | undefined;
  /** Name of a profile in the kernel; undefined: unconfined. */
  readonly apparmorProfile?: string | undefined;
  /** What `config.devices` stands for on this host, or all devices of the host for a privileged container. */
  readonly devices?: readonly GrantedDevice[];
  /** False: a privileged container may use the devices it asks for, and not all of the host's. */
  readonly hostDevices?: boolean;
  /** Those of `config.mounts` that show an image. */
  readonly imageVolumes?: ReadonlyMap<RequestedMount, ImageVolume>;
  /** Those of `config.mounts` that the image declares. */
  readonly anonymousVolumes?: ReadonlyMap<RequestedMount, AnonymousVolume>;
  readonly namespacePaths?: NamespacePaths;
  /** HOSTNAME of the environment; the pod's configured hostname when not given. */
  readonly hostname?: string;
}

/**
 * The OCI runtime-spec of a container: a pure function of the request, the image and facts about the host.
 *
 * The semantics are those of containerd's CRI plugin, which is what workloads have met so far; a difference is said at the
 * function that makes it. No annotation of pod, container or image reaches the document: runtimes act on some of them
 * (CVE-2024-3154, CVE-2023-6476).
 *
 * @throws {CribError} invalid-argument or failed-precondition for what cannot be done as written.
 */
export function buildContainerSpec(input: ContainerSpecInput): RuntimeSpec {
  const { config, sandboxConfig } = input;
  const security = config.linux?.securityContext;
  const privileged = security?.privileged === true;
  if (privileged && sandboxConfig.linux?.securityContext?.privileged !== true) {
    throw failedPrecondition("a privileged container needs a privileged pod: its sandbox was made without privileged");
  }
  const userNamespace = ownUserNamespace(input);
  const cgroups = honouredCgroupView(input, security);
  const mounts = buildMounts({
    requested: config.mounts,
    podFiles: input.hostFiles,
    privileged,
    cgroups: cgroups.access,
    hostIpc: security?.namespaceOptions?.ipc === "node",
    readonlyRootfs: security?.readonlyRootfs === true,
    hostNetwork: security?.namespaceOptions?.network === "node",
    userNamespace,
    imageVolumes: input.imageVolumes,
    anonymousVolumes: input.anonymousVolumes,
  });
  const hostname = input.hostname ?? sandboxConfig.hostname;
  const process = containerProcess(input, security, hostname);
  return {
    ociVersion: "1.2.0",
    process,
    root: { path: "rootfs", readonly: security?.readonlyRootfs === true },
    ...(hostname !== "" && ownUts(input) && { hostname }),
    mounts,
    annotations: ownAnnotations(input),
    linux: {
      namespaces: buildNamespaces(
        security?.namespaceOptions,
        ownUts(input),
        input.namespacePaths ?? {},
        cgroups.namespace,
      ),
      ...containerLinux(input, security, mounts, userNamespace, process.selinuxLabel),
    },
  };
}

/** @throws {CribError} failed-precondition when the container would get more than its own groups. */
function honouredCgroupView({ host }: ContainerSpecInput, security: ContainerSecurityContext | undefined): CgroupView {
  const view = cgroupView(security, "linux.security_context");
  if (view.access === "delegated" && !host.cgroupDelegation) {
    throw failedPrecondition(
      "cgroup_mount_mode READ_WRITE needs a host with cgroup v2 alone, mounted with nsdelegate: without it a container could leave its own groups",
    );
  }
  return view;
}

/** A pod on the host's network has a name of its own only if it asks for one; runtimes set no name without the namespace. */
function ownUts({ config, sandboxConfig }: ContainerSpecInput): boolean {
  const { network } = config.linux?.securityContext?.namespaceOptions ?? {};
  return network !== "node" || sandboxConfig.hostname !== "";
}

/** @throws {CribError} invalid-argument when the container's is not the pod's. */
function ownUserNamespace({ config, sandboxConfig }: ContainerSpecInput): UserNamespace | undefined {
  const field = "linux.security_context.namespace_options";
  const pod = parseUserNamespace(sandboxConfig.linux?.securityContext?.namespaceOptions, field);
  checkSameUserNamespace(pod, parseUserNamespace(config.linux?.securityContext?.namespaceOptions, field));
  return pod;
}

/** @throws {CribError} invalid-argument for an id that has no counterpart on the host: no process can have it. */
function checkMapped(user: SpecUser, userNamespace: UserNamespace | undefined): void {
  if (userNamespace === undefined) return;
  if (hostIdOf(userNamespace.uids, user.uid) === undefined) {
    throw invalidArgument(`user ${user.uid} is not mapped in the pod's user namespace`);
  }
  for (const gid of [user.gid, ...user.additionalGids]) {
    if (hostIdOf(userNamespace.gids, gid) === undefined) {
      throw invalidArgument(`group ${gid} is not mapped in the pod's user namespace`);
    }
  }
}

function containerProcess(
  input: ContainerSpecInput,
  security: ContainerSecurityContext | undefined,
  hostname: string,
): SpecProcess {
  const { config, image, host } = input;
  const user = resolveUser(security, image.user, input.accounts);
  checkMapped(user, ownUserNamespace(input));
  const selinux = selinuxLabel(security, host);
  return {
    terminal: config.tty,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids, umask: 0o022 },
    args: commandLine(config.command, config.args, image),
    env: buildEnvironment({
      hostname,
      terminal: config.tty,
      image: image.env,
      requested: config.envs,
      home: user.home,
    }),
    cwd: workingDirectory(config.workingDir, image.workingDir),
    capabilities: resolveCapabilities(security?.capabilities, security?.privileged === true, host.capabilities),
    rlimits: host.rlimits,
    noNewPrivileges: security?.noNewPrivs === true,
    ...(input.apparmorProfile !== undefined && { apparmorProfile: input.apparmorProfile }),
    ...(selinux !== undefined && { selinuxLabel: selinux }),
    oomScoreAdj: oomScoreAdj(config.linux?.resources?.oomScoreAdj ?? 0n),
  };
}

function containerLinux(
  input: ContainerSpecInput,
  security: ContainerSecurityContext | undefined,
  mounts: readonly SpecMount[],
  userNamespace: UserNamespace | undefined,
  selinux: string | undefined,
): Omit<SpecLinux, "namespaces"> {
  const granted = input.devices ?? [];
  if (input.devices === undefined && input.config.devices.length > 0) {
    throw internal(`devices of container ${input.id} were not resolved`);
  }
  const propagation = rootPropagation(mounts);
  return {
    ...(userNamespace !== undefined && { uidMappings: userNamespace.uids, gidMappings: userNamespace.gids }),
    devices: deviceNodes(granted),
    cgroupsPath: input.cgroupPath,
    resources: specResources(
      input.config.linux?.resources,
      deviceRules(granted, security?.privileged === true && input.hostDevices !== false),
    ),
    ...(input.seccompProfile !== undefined && { seccomp: input.seccompProfile }),
    ...protectedPaths(security),
    ...(selinux !== undefined && { mountLabel: selinuxFileLabel(selinux) }),
    ...(propagation !== undefined && { rootfsPropagation: propagation }),
  };
}

/** Other runtimes cut propagation at the root unless told which kinds of mounts there are. */
function rootPropagation(mounts: readonly SpecMount[]): string | undefined {
  if (mounts.some(({ options }) => options.includes("rshared"))) return "rshared";
  return mounts.some(({ options }) => options.includes("rslave")) ? "rslave" : undefined;
}

function oomScoreAdj(value: bigint): number {
  if (value < -1000n || value > 1000n) throw invalidArgument(`oom_score_adj ${value} is not from -1000 to 1000`);
  return Number(value);
}

/** The names sandboxed runtimes (Kata, gVisor) and NRI plugins know a pod by; every value is ours or validated. */
function ownAnnotations({ sandboxId, config, sandboxConfig }: ContainerSpecInput): Readonly<Record<string, string>> {
  return {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.sandbox-id": sandboxId,
    "io.kubernetes.cri.container-name": config.metadata.name,
    "io.kubernetes.cri.sandbox-name": sandboxConfig.metadata.name,
    "io.kubernetes.cri.sandbox-namespace": sandboxConfig.metadata.namespace,
    "io.kubernetes.cri.sandbox-uid": sandboxConfig.metadata.uid,
  };
}
