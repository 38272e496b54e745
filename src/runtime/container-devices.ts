import { readdirSync, statSync } from "node:fs";
import { posix } from "node:path";
import { invalidArgument } from "../errors/crib-error.ts";
import type { ContainerConfig, Device } from "../gen/runtime/v1/api_pb.ts";
import { parseHostPath, parseRootfsPath } from "../ids/path.ts";
import type { GrantedDevice } from "../oci/devices.ts";
import type { SpecDevice } from "../oci/runtime-spec.ts";

/** Parts of the host's /dev that belong to one mount namespace, not to the machine. */
const notTheMachines: ReadonlySet<string> = new Set([
  "pts",
  "shm",
  "mqueue",
  "console",
  ".lxc",
  ".lxd-mounts",
  ".udev",
]);

/** A directory of devices deeper than this is a mistake or an attack. */
const maxDepth = 16;

/**
 * The devices of the host a container gets: what it names, or for a privileged one every device there is. A requested
 * directory stands for all devices in it.
 *
 * @throws {CribError} invalid-argument for a path that is no device.
 */
export function containerDevices(config: ContainerConfig): readonly GrantedDevice[] {
  const requested = config.devices.flatMap(requestedDevices);
  if (config.linux?.securityContext?.privileged !== true) return requested;
  const every = devicesBelow("/dev", "/dev", maxDepth).map((device) => ({ device, access: "rwm" }));
  return [...every, ...requested];
}

function requestedDevices(request: Device): readonly GrantedDevice[] {
  const hostPath = parseHostPath(request.hostPath, "device host_path");
  const containerPath = parseRootfsPath(request.containerPath || hostPath, "device container_path");
  const access = request.permissions || "rwm";
  const found = lookAt(hostPath, containerPath);
  if (found === "directory") {
    return devicesBelow(hostPath, containerPath, maxDepth).map((device) => ({ device, access }));
  }
  if (found === undefined) throw invalidArgument(`device ${JSON.stringify(hostPath)} is not a device of this host`);
  return [{ device: found, access }];
}

function devicesBelow(hostPath: string, containerPath: string, depth: number): readonly SpecDevice[] {
  if (depth === 0) return [];
  return readdirSync(hostPath, { withFileTypes: true }).flatMap((entry) => {
    if (notTheMachines.has(entry.name) || entry.isSymbolicLink()) return [];
    const below = { host: posix.join(hostPath, entry.name), container: posix.join(containerPath, entry.name) };
    if (entry.isDirectory()) return devicesBelow(below.host, below.container, depth - 1);
    const found = lookAt(below.host, below.container);
    return found === undefined || found === "directory" ? [] : [found];
  });
}

/** Follows links: `/dev/disk/by-id/…` names the device it points to. */
function lookAt(hostPath: string, containerPath: string): SpecDevice | "directory" | undefined {
  const stat = statSync(hostPath, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.isDirectory()) return "directory";
  const type = stat.isCharacterDevice() ? "c" : stat.isBlockDevice() ? "b" : undefined;
  if (type === undefined) return undefined;
  return {
    path: containerPath,
    type,
    major: deviceMajor(stat.rdev),
    minor: deviceMinor(stat.rdev),
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

/** glibc's dev_t: the low 8 bits of the minor, 12 bits of the major, then the rest of the minor. */
function deviceMajor(rdev: number): number {
  return Math.floor(rdev / 0x100) % 0x1000;
}

function deviceMinor(rdev: number): number {
  return (rdev % 0x100) + Math.floor(rdev / 0x100000) * 0x100;
}
