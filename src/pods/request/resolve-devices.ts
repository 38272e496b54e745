import type { Stats } from "node:fs";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeHandlerConfig } from "../../config/runtime-handler.ts";
import { type CribError, invalidArgument } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { GrantedDevice } from "../../oci/devices.ts";
import type { ContainerSpec, RequestedDevice } from "../../spec/container-spec.ts";

/** Directories of /dev that are filesystems of the container's own, or no devices. */
const skipped: ReadonlySet<string> = new Set([
  "pts",
  "shm",
  "fd",
  "mqueue",
  "hugepages",
  ".lxc",
  ".lxd-mounts",
  ".udev",
]);

const characterDevice = 0o020000;
const blockDevice = 0o060000;
const fileTypeMask = 0o170000;

/**
 * How much is looked at below a directory that a request names. The walk holds the daemon up, about 10 µs an entry; of `/`
 * it would take minutes.
 */
const maxRequestedEntries = 8192;

/**
 * The host's device nodes a container is given: those it asks for, where a directory stands for all nodes below it, or for
 * a privileged container every node of the host, unless its handler says that this is not wanted.
 *
 * @throws {CribError} invalid-argument for a path that does not exist, is not a device, or is a directory of too much else.
 */
export function resolveDevices(
  config: ContainerSpec,
  { privilegedWithoutHostDevices }: Pick<RuntimeHandlerConfig, "privilegedWithoutHostDevices">,
): readonly GrantedDevice[] {
  const requested = config.devices.flatMap(requestedDevices);
  if (config.linux?.securityContext?.privileged !== true || privilegedWithoutHostDevices) return requested;
  const named = new Set(requested.map(({ device }) => device.path));
  return [
    ...requested,
    ...nodesBelow("/dev", "/dev", { access: "rwm", looked: 0, limit: Number.POSITIVE_INFINITY }).filter(
      ({ device }) => !named.has(device.path),
    ),
  ];
}

function requestedDevices(request: RequestedDevice): readonly GrantedDevice[] {
  const path = request.containerPath ?? request.hostPath;
  const access = request.permissions || "rwm";
  let stat: Stats;
  try {
    stat = statSync(request.hostPath);
  } catch (error) {
    throw unusable(request.hostPath, error);
  }
  if (stat.isDirectory()) return nodesBelow(request.hostPath, path, { access, looked: 0, limit: maxRequestedEntries });
  const device = toDevice(stat, path, access);
  if (device === undefined) throw invalidArgument(`${JSON.stringify(request.hostPath)} is not a device`);
  return [device];
}

interface Walk {
  readonly access: string;
  readonly limit: number;
  looked: number;
}

function nodesBelow(hostDirectory: string, containerDirectory: string, walk: Walk): readonly GrantedDevice[] {
  const entries = ifThere(hostDirectory, (path) => readdirSync(path, { withFileTypes: true })) ?? [];
  walk.looked += entries.length;
  if (walk.looked > walk.limit) {
    throw invalidArgument(
      `devices below ${JSON.stringify(hostDirectory)}: more than ${walk.limit} entries; name the directories that hold devices`,
    );
  }
  return entries.flatMap((entry): readonly GrantedDevice[] => {
    const from = join(hostDirectory, entry.name);
    const to = `${containerDirectory}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : nodesBelow(from, to, walk);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    // The container has a console and a ptmx of its own.
    if (to === "/dev/console" || to === "/dev/ptmx") return [];
    const stat = ifThere(from, (path) => statSync(path));
    const device = stat === undefined ? undefined : toDevice(stat, to, walk.access);
    return device === undefined ? [] : [device];
  });
}

/** Devices come and go while their directory is read; undefined for one that went. */
function ifThere<Found>(path: string, look: (path: string) => Found): Found | undefined {
  try {
    return look(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENXIO")) return undefined;
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): CribError {
  return invalidArgument(`device ${JSON.stringify(path)} cannot be used: ${String(error)}`, error);
}

function toDevice(stat: Stats, path: string, access: string): GrantedDevice | undefined {
  const type = stat.mode & fileTypeMask;
  if (type !== characterDevice && type !== blockDevice) return undefined;
  return {
    access,
    device: {
      path,
      type: type === blockDevice ? "b" : "c",
      major: majorOf(stat.rdev),
      minor: minorOf(stat.rdev),
      fileMode: stat.mode & 0o777,
      uid: stat.uid,
      gid: stat.gid,
    },
  };
}

/** makedev(3): the kernel's 32-bit encoding, 12 bits of major between two parts of the minor. */
export function majorOf(rdev: number): number {
  return (rdev >>> 8) & 0xfff;
}

export function minorOf(rdev: number): number {
  return (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
}
