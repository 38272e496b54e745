import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ContainerSchema, LinuxSeccompSchema } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import { ContainerState } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { SpecProcess, SpecSeccomp } from "../../oci/runtime-spec.ts";
import type { PluginContainer } from "../port.ts";
import { describeResources } from "./describe-resources.ts";

const states: Readonly<Record<PluginContainer["state"], ContainerState>> = {
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_STOPPED,
  removing: ContainerState.CONTAINER_STOPPED,
  unknown: ContainerState.CONTAINER_UNKNOWN,
};

/** A container in the words of NRI. */
export function describeContainer(container: PluginContainer): MessageInitShape<typeof ContainerSchema> {
  const { spec, id, name, state, pid, image } = container;
  const process: SpecProcess = spec.process;
  const { user } = process;
  return {
    id,
    podSandboxId: container.podId,
    name,
    state: states[state],
    labels: { ...container.labels },
    annotations: { ...container.annotations },
    args: [...process.args],
    env: [...process.env],
    mounts: spec.mounts.map(({ destination, type, source, options }) => ({
      destination,
      type,
      source,
      options: [...options],
    })),
    hooks: { createContainer: (spec.hooks?.createContainer ?? []).map(describeHook) },
    linux: describeLinux(container),
    pid,
    rlimits: process.rlimits.map(({ type, soft, hard }) => ({ type, soft: limit(soft), hard: limit(hard) })),
    createdAt: container.createdAtNs,
    startedAt: container.startedAtNs,
    finishedAt: container.finishedAtNs,
    exitCode: container.exitCode,
    statusReason: container.reason,
    statusMessage: container.message,
    CDIDevices: container.cdiDevices.map((device) => ({ name: device })),
    user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids] },
    image: { name: image.name, digest: image.repoDigest, configDigest: image.configDigest },
  };
}

/** "Unlimited" is a double in the spec, and as such one more than fits into 64 bits. */
function limit(value: number): bigint {
  return BigInt.asUintN(64, value >= 2 ** 64 ? -1n : BigInt(value));
}

function describeHook(hook: { path: string; args: readonly string[]; env: readonly string[]; timeout: number }) {
  return { path: hook.path, args: [...hook.args], env: [...hook.env], timeout: { value: BigInt(hook.timeout) } };
}

function describeLinux({ spec: { linux, process } }: PluginContainer) {
  const { oomScoreAdj } = process;
  return {
    namespaces: linux.namespaces.map(({ type, path = "" }) => ({ type, path })),
    devices: linux.devices.map(({ path, type, major, minor, fileMode, uid, gid }) => ({
      path,
      type,
      major: BigInt(major),
      minor: BigInt(minor),
      fileMode: { value: fileMode },
      uid: { value: uid },
      gid: { value: gid },
    })),
    resources: describeResources(linux.resources),
    cgroupsPath: linux.cgroupsPath,
    sysctl: { ...linux.sysctl },
    ...(oomScoreAdj !== undefined && { oomScoreAdj: { value: BigInt(oomScoreAdj) } }),
    ...(linux.seccomp !== undefined && { seccompPolicy: describeSeccomp(linux.seccomp) }),
  };
}

function describeSeccomp(seccomp: SpecSeccomp): MessageInitShape<typeof LinuxSeccompSchema> {
  return {
    defaultAction: seccomp.defaultAction,
    ...(seccomp.defaultErrnoRet !== undefined && { defaultErrno: { value: seccomp.defaultErrnoRet } }),
    architectures: [...seccomp.architectures],
    flags: [...(seccomp.flags ?? [])],
    syscalls: seccomp.syscalls.map(({ names, action, errnoRet, args = [] }) => ({
      names: [...names],
      action,
      ...(errnoRet !== undefined && { errnoRet: { value: errnoRet } }),
      args: args.map(({ index, value, valueTwo = 0, op }) => ({
        index,
        value: BigInt(value),
        valueTwo: BigInt(valueTwo),
        op,
      })),
    })),
  };
}
