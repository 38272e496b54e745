import { posix } from "node:path";
import type { HostPath } from "../../../ids/path.ts";
import { parseRootfsPath } from "../../../ids/path.ts";
import { CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWPID } from "../../../kernel/clone-flags.ts";
import type { CgroupMount } from "../../../oci/mounts/cgroup-mount.ts";
import type { RuntimeSpec, SpecDevice, SpecProcess } from "../../../oci/runtime-spec.ts";
import { hostIdOf } from "../../../oci/user-namespace.ts";
import type { ContainerRootfs, PidNamespace } from "../../port.ts";
import { compileHooks } from "./compile-hooks.ts";
import { compileMounts, readOnlyCgroupRoot } from "./compile-mounts.ts";
import { compileProcess, limitSteps, seccompFilter } from "./compile-process.ts";
import type { LaunchPlan, PlanStep } from "./steps.ts";

export interface ContainerPlanInput {
  readonly spec: RuntimeSpec;
  readonly rootfs: ContainerRootfs;
  /** cgroup.procs of the container's group in every hierarchy. */
  readonly procsFiles: readonly HostPath[];
  readonly cgroupMounts: readonly CgroupMount[];
  /** The spec's seccomp profile, compiled; undefined when it has none. */
  readonly seccompProgram: Uint8Array | undefined;
  readonly pidNamespace: PidNamespace;
  /** For hooks, who find the container by it: its id, and the directory of config.json and rootfs. */
  readonly bundle?: { readonly id: string; readonly directory: HostPath };
}

/**
 * The launch plan of a container's init. The monitor that runs it is in the pod's network, ipc and uts namespaces already,
 * so mounts, pids and control groups are all that is new. The order, and what breaks in any other:
 *
 *   cgroup, oom score   while /proc and /sys/fs/cgroup are the host's. The cgroup namespace takes the group it is made in as
 *                       its root, so it comes after joining, and CLONE_NEWCGROUP is not given to clone.
 *   sources             opened in the host's tree, before propagation is cut, so that shared and slave mounts keep their peers.
 *   propagation         slave: nothing that follows shows on the host, and the host's own unmounts still get through.
 *   images              of image volumes, made on the directory that the root then takes.
 *   volumes             of the image's own, filled from the root: files are given away with the host's privilege.
 *   root, mounts        by descriptor inside the root, never by a path the image could redirect (CVE-2021-30465,
 *                       CVE-2019-19921); then device nodes and links in a /dev that the image cannot have planted
 *                       (CVE-2026-41579).
 *   user namespace      what takes the host's privilege is done, limits included; mounts from here on belong to it, and so do
 *                       the container's namespaces, which is why they are not made by clone.
 *   hooks               where the OCI has its createContainer hooks: all mounts are there, the host is still in sight.
 *   pivot               from here on there is no path back to the host.
 *   console             after it: /dev/pts is the container's own by then (CVE-2025-52565).
 *   working directory   made while the root is writable, entered later, when nothing covers it any more.
 *   masks, read-only    last of the mounts, so that no later mount uncovers one; their sources are checked in C
 *                       (CVE-2025-31133).
 *   process             see `compileProcess`.
 */
export function compileContainerPlan(input: ContainerPlanInput): LaunchPlan {
  const { spec, pidNamespace } = input;
  const images = { staging: input.rootfs.attachAt, idmapped: spec.linux.uidMappings !== undefined };
  const { mountLabel } = spec.linux;
  const ownCgroups = hasOwnCgroupNamespace(spec) ? CLONE_NEWCGROUP : 0;
  const mounts = compileMounts(
    spec.mounts,
    { hierarchies: input.cgroupMounts, own: ownCgroups !== 0 },
    images,
    mountLabel,
  );
  const filter = seccompFilter(input.seccompProgram, spec.linux.seccomp?.flags);
  const userns = spec.linux.uidMappings !== undefined;
  const limits = limitSteps(spec.process);
  const ownPid = pidNamespace.kind === "own" ? CLONE_NEWPID : 0;
  const steps: readonly PlanStep[] = [
    ...input.procsFiles.map((procsFile): PlanStep => ({ kind: "join-cgroup", procsFile })),
    { kind: "oom-score-adj", value: spec.process.oomScoreAdj ?? 0 },
    ...(userns ? stdioOwner(spec, spec.process) : []),
    ...(userns || ownCgroups === 0 ? [] : [{ kind: "unshare", flags: ownCgroups } as const]),
    ...mounts.open,
    { kind: "root-propagation", propagation: "slave" },
    ...mounts.make,
    {
      kind: userns ? "idmapped-rootfs" : "rootfs",
      ...input.rootfs,
      options: mountLabel === undefined ? [] : [`context=${mountLabel}`],
    },
    ...mounts.fill,
    ...(userns ? [...limits, { kind: "enter-user-namespace", flags: CLONE_NEWNS | ownCgroups | ownPid } as const] : []),
    ...mounts.attach,
    ...deviceSteps(spec),
    ...compileHooks(spec, input.bundle),
    { kind: "pivot" },
    ...(spec.process.terminal ? [{ kind: "console" } as const] : []),
    { kind: "working-directory", path: parseRootfsPath(spec.process.cwd, "working directory"), create: true },
    ...readOnlyCgroupRoot(spec.mounts, input.cgroupMounts),
    ...spec.linux.readonlyPaths.map((path): PlanStep => ({ kind: "read-only", path: parseRootfsPath(path) })),
    ...spec.linux.maskedPaths.map((path): PlanStep => ({ kind: "mask", path: parseRootfsPath(path) })),
    ...(spec.root.readonly ? [{ kind: "read-only-root" } as const] : []),
    ...compileProcess(spec.process, filter, keyringName(spec), userns ? [] : limits),
  ];
  return {
    cloneFlags: CLONE_NEWNS | (userns ? 0 : ownPid),
    pidNamespace,
    join: undefined,
    steps,
  };
}

function hasOwnCgroupNamespace({ linux }: RuntimeSpec): boolean {
  return linux.namespaces.some(({ type }) => type === "cgroup");
}

/** Nobody but the host's root may give away what it made; a terminal is made inside and needs nothing. */
export function stdioOwner({ linux }: RuntimeSpec, { terminal, user }: SpecProcess): readonly PlanStep[] {
  const uid = hostIdOf(linux.uidMappings ?? [], user.uid);
  return terminal || uid === undefined ? [] : [{ kind: "stdio-owner", uid }];
}

/** The container's session keyring; its execs join it by this name. */
export function keyringName(spec: RuntimeSpec): string {
  return `_ses.${posix.basename(spec.linux.cgroupsPath)}`;
}

/** Links every program expects (OCI runtime-spec, runtime-linux.md "Dev symbolic links"). */
const devLinks = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
  ["/proc/kcore", "/dev/core"],
  ["pts/ptmx", "/dev/ptmx"],
] as const;

/** A /dev that is bound from elsewhere is left as its owner made it. */
function deviceSteps(spec: RuntimeSpec): readonly PlanStep[] {
  if (spec.mounts.some(({ destination, type }) => destination === "/dev" && type === "bind")) return [];
  return [
    ...spec.linux.devices.map(deviceStep),
    ...devLinks.map(([target, path]): PlanStep => ({ kind: "symlink", target, path: parseRootfsPath(path) })),
  ];
}

const deviceTypes: Readonly<Record<string, "char" | "block" | "fifo">> = {
  c: "char",
  u: "char",
  b: "block",
  p: "fifo",
};

function deviceStep(device: SpecDevice): PlanStep {
  return {
    kind: "device",
    path: parseRootfsPath(device.path, "device path"),
    type: deviceTypes[device.type] ?? "char",
    major: device.major,
    minor: device.minor,
    mode: device.fileMode,
    uid: device.uid,
    gid: device.gid,
  };
}
