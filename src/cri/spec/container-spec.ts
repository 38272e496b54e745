import { create } from "@bufbuild/protobuf";
import type { ContainerConfig, Device } from "../../gen/runtime/v1/api_pb.ts";
import { ContainerConfigSchema, ImageSpecSchema } from "../../gen/runtime/v1/api_pb.ts";
import { bytesToString, stringToBytes } from "../../oci/byte-string.ts";
import type { ContainerSpec, RequestedDevice } from "../../spec/container-spec.ts";
import { deepFrozen } from "../../spec/deep-frozen.ts";
import type { RequestedContainerPath, RequestedHostPath } from "../../spec/requested-path.ts";
import { requireContainerConfig } from "../validate/container-config.ts";
import { fromRequestedImage, toRequestedImage } from "./requested-image.ts";
import { fromRequestedMount, toRequestedMount } from "./requested-mount.ts";
import { fromResourceLimits, toResourceLimits } from "./resource-limits.ts";
import { fromContainerSecurityContext, toContainerSecurityContext } from "./security-context.ts";
import { fromSignal, toSignal } from "./signal.ts";

/** @throws {CribError} invalid-argument naming the field; nothing has happened yet. */
export function parseContainerSpec(config: ContainerConfig | undefined, field = "config"): ContainerSpec {
  return toContainerSpec(requireContainerConfig(config, field));
}

/** Of a config that was checked, when it came or by the crib that recorded it. What is for Windows only is left out. */
export function toContainerSpec(config: ContainerConfig): ContainerSpec {
  const { linux } = config;
  return deepFrozen({
    metadata: { name: config.metadata?.name ?? "", attempt: config.metadata?.attempt ?? 0 },
    image: toRequestedImage(config.image ?? create(ImageSpecSchema)),
    command: [...config.command],
    args: [...config.args],
    workingDir: config.workingDir,
    envs: config.envs.map(({ key, value }) => ({ key, value: bytesToString(value) })),
    mounts: config.mounts.map(toRequestedMount),
    devices: config.devices.map(toRequestedDevice),
    cdiDevices: config.CDIDevices.map(({ name }) => name),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    logPath: config.logPath,
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
    stopSignal: toSignal(config.stopSignal),
    linux: linux && {
      resources: linux.resources && toResourceLimits(linux.resources),
      securityContext: linux.securityContext && toContainerSecurityContext(linux.securityContext),
    },
  });
}

function toRequestedDevice({ containerPath, hostPath, permissions }: Device): RequestedDevice {
  return {
    containerPath: containerPath === "" ? undefined : (containerPath as RequestedContainerPath),
    hostPath: hostPath as RequestedHostPath,
    permissions,
  };
}

/** The message again, for the verbose status. */
export function fromContainerSpec(spec: ContainerSpec): ContainerConfig {
  const { linux } = spec;
  return create(ContainerConfigSchema, {
    metadata: spec.metadata,
    image: fromRequestedImage(spec.image),
    command: [...spec.command],
    args: [...spec.args],
    workingDir: spec.workingDir,
    envs: spec.envs.map(({ key, value }) => ({ key, value: stringToBytes(value) })),
    mounts: spec.mounts.map(fromRequestedMount),
    devices: spec.devices.map((device) => ({ ...device, containerPath: device.containerPath ?? "" })),
    CDIDevices: spec.cdiDevices.map((name) => ({ name })),
    labels: { ...spec.labels },
    annotations: { ...spec.annotations },
    logPath: spec.logPath,
    stdin: spec.stdin,
    stdinOnce: spec.stdinOnce,
    tty: spec.tty,
    stopSignal: fromSignal(spec.stopSignal),
    linux: linux && {
      resources: linux.resources && fromResourceLimits(linux.resources),
      securityContext: linux.securityContext && fromContainerSecurityContext(linux.securityContext),
    },
  });
}
