import { invalidArgument } from "../../errors/crib-error.ts";
import type {
  ContainerConfig,
  Device,
  KeyValue,
  LinuxContainerSecurityContext,
  Mount,
} from "../../gen/runtime/v1/api_pb.ts";
import { MountPropagation } from "../../gen/runtime/v1/api_pb.ts";
import { cgroupView } from "../../oci/cgroup-view.ts";
import { cgroupMountModes } from "../spec/enum-words.ts";
import { toNamespaceOptions } from "../spec/namespace-options.ts";
import { checkAbsolutePath, checkHostPath, checkName, checkRelativePath, shown } from "./fields.ts";
import { checkLinuxResources } from "./resources.ts";
import { checkIdentity, checkNamespaces, checkSecurityProfile } from "./security-context.ts";

/** MAX_ARG_STRLEN: execve refuses a longer environment entry with E2BIG, long after the create was answered. */
const maxEnvironmentEntry = 128 * 1024 - 1;

/** What the launch plan takes in all (`checkPlanFits`); more is refused before any of them is looked at on the disk. */
const most = { mounts: 512, devices: 1024, CDIDevices: 256 } as const;

/** @throws {CribError} invalid-argument; nothing has happened yet. */
export function requireContainerConfig(config: ContainerConfig | undefined, field = "config"): ContainerConfig {
  if (config === undefined) throw invalidArgument(`${field} is required`);
  if (config.metadata === undefined) throw invalidArgument(`${field}.metadata is required`);
  checkName(config.metadata.name, `${field}.metadata.name`);
  if (config.image === undefined || config.image.image === "")
    throw invalidArgument(`${field}.image.image is required`);
  if (config.workingDir !== "") checkAbsolutePath(config.workingDir, `${field}.working_dir`);
  checkRelativePath(config.logPath, `${field}.log_path`);
  for (const [name, limit] of Object.entries(most) as [keyof typeof most, number][]) {
    if (config[name].length > limit)
      throw invalidArgument(`${field}.${name} has ${config[name].length} entries, the limit is ${limit}`);
  }
  for (const [index, env] of config.envs.entries()) checkEnvironment(env, `${field}.envs[${index}]`);
  for (const [index, mount] of config.mounts.entries()) checkMount(mount, `${field}.mounts[${index}]`);
  for (const [index, device] of config.devices.entries()) checkDevice(device, `${field}.devices[${index}]`);
  for (const { name } of config.CDIDevices) {
    if (!/^[A-Za-z0-9.-]+\/[A-Za-z0-9._-]+=[A-Za-z0-9._:-]+$/.test(name)) {
      throw invalidArgument(`${field}.CDI_devices: ${shown(name)} is not vendor/class=name`);
    }
  }
  const linux = config.linux;
  if (linux?.resources !== undefined) checkLinuxResources(linux.resources, `${field}.linux.resources`);
  if (linux?.securityContext !== undefined)
    checkSecurityContext(linux.securityContext, `${field}.linux.security_context`);
  return config;
}

/** Values are bytes and may be anything but NUL, which would end them. */
function checkEnvironment(env: KeyValue, field: string): void {
  if (env.key === "" || env.key.includes("="))
    throw invalidArgument(`${field}.key ${shown(env.key)} is empty or contains "="`);
  if (env.value.includes(0)) throw invalidArgument(`${field}.value (${shown(env.key)}) contains a NUL byte`);
  if (Buffer.byteLength(env.key) + 1 + env.value.length > maxEnvironmentEntry) {
    throw invalidArgument(
      `${field} (${shown(env.key)}) is longer than the ${maxEnvironmentEntry} bytes Linux allows for one entry`,
    );
  }
}

function checkMount(mount: Mount, field: string): void {
  checkAbsolutePath(mount.containerPath, `${field}.container_path`);
  checkRelativePath(mount.imageSubPath, `${field}.image_sub_path`);
  const fromImage = mount.image !== undefined && mount.image.image !== "";
  if (fromImage && mount.hostPath !== "") throw invalidArgument(`${field}: image and host_path exclude each other`);
  if (!fromImage) checkHostPath(mount.hostPath, `${field}.host_path`);
  if (mount.recursiveReadOnly && (!mount.readonly || mount.propagation !== MountPropagation.PROPAGATION_PRIVATE)) {
    throw invalidArgument(`${field}: recursive_read_only needs readonly and private propagation`);
  }
  for (const option of mount.mountOptions) {
    if (!["noexec", "nodev", "nosuid"].includes(option)) {
      throw invalidArgument(`${field}.mount_options: ${shown(option)} is none of noexec, nodev, nosuid`);
    }
  }
}

function checkDevice(device: Device, field: string): void {
  checkAbsolutePath(device.containerPath, `${field}.container_path`);
  checkHostPath(device.hostPath, `${field}.host_path`);
  if (!/^[rwm]{0,3}$/.test(device.permissions)) {
    throw invalidArgument(`${field}.permissions ${shown(device.permissions)} is not made of r, w and m`);
  }
}

function checkSecurityContext(context: LinuxContainerSecurityContext, field: string): void {
  checkIdentity(context, field);
  checkSecurityProfile(context.seccomp, `${field}.seccomp`, "seccomp");
  checkSecurityProfile(context.apparmor, `${field}.apparmor`, "apparmor");
  if (context.namespaceOptions !== undefined) checkNamespaces(context.namespaceOptions, `${field}.namespace_options`);
  const { privileged, namespaceOptions: options } = context;
  const cgroupMountMode = cgroupMountModes.wordOf(context.cgroupMountMode);
  cgroupView({ privileged, namespaceOptions: options && toNamespaceOptions(options), cgroupMountMode }, field);
  for (const path of context.maskedPaths) checkAbsolutePath(path, `${field}.masked_paths`);
  for (const path of context.readonlyPaths) checkAbsolutePath(path, `${field}.readonly_paths`);
  const { addCapabilities = [], dropCapabilities = [], addAmbientCapabilities = [] } = context.capabilities ?? {};
  for (const name of [...addCapabilities, ...dropCapabilities, ...addAmbientCapabilities]) {
    if (!/^[A-Za-z0-9_]{1,64}$/.test(name)) {
      throw invalidArgument(`${field}.capabilities: ${shown(name)} is not a capability name`);
    }
  }
}
