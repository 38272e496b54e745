import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeHandlerConfig } from "../../config/runtime-handler.ts";
import { type CribError, invalidArgument } from "../../errors/crib-error.ts";
import { errnoName } from "../../errors/errno.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import { S_IFDIR } from "../../kernel/open-flags.ts";
import type { TimeSlice } from "../../observe/time-slice.ts";
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
 * How much is looked at below a directory that a request names: about 10 µs an entry; of `/` it would take minutes.
 */
const maxRequestedEntries = 8192;

/**
 * The host's device nodes a container is given: those it asks for, where a directory stands for all nodes below it, or for
 * a privileged container every node of the host, unless its handler says that this is not wanted. Directories are walked in
 * slices of the event loop's time.
 *
 * @param found what is at a path that the request names, looked at where it may hang.
 * @throws {CribError} invalid-argument for a path that does not exist, is not a device, or is a directory of too much else.
 */
export async function resolveDevices(
  config: ContainerSpec,
  { privilegedWithoutHostDevices }: Pick<RuntimeHandlerConfig, "privilegedWithoutHostDevices">,
  found: (hostPath: string) => FoundDevice | undefined,
  slice: Pick<TimeSlice, "turn">,
): Promise<readonly GrantedDevice[]> {
  const requested: GrantedDevice[] = [];
  for (const device of config.devices)
    requested.push(...(await requestedDevices(device, found(device.hostPath), slice)));
  if (config.linux?.securityContext?.privileged !== true || privilegedWithoutHostDevices) return requested;
  const named = new Set(requested.map(({ device }) => device.path));
  const walk: Walk = { access: "rwm", looked: 0, limit: Number.POSITIVE_INFINITY, slice, nodes: [] };
  await findNodes("/dev", "/dev", walk);
  return [...requested, ...walk.nodes.filter(({ device }) => !named.has(device.path))];
}

/** As `Found` of the looker has it: of a device its numbers, not those of the file system it is on. */
export interface FoundDevice {
  readonly errno: number;
  readonly mode: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly uid: number;
  readonly gid: number;
}

async function requestedDevices(
  { hostPath, containerPath, permissions }: RequestedDevice,
  found: FoundDevice | undefined,
  slice: Pick<TimeSlice, "turn">,
): Promise<readonly GrantedDevice[]> {
  const path = containerPath ?? hostPath;
  const access = permissions || "rwm";
  if (found === undefined || found.errno !== 0)
    throw unusable(hostPath, found === undefined ? "not looked at" : errnoName(found.errno));
  if ((found.mode & fileTypeMask) === S_IFDIR) {
    const walk: Walk = { access, looked: 0, limit: maxRequestedEntries, slice, nodes: [] };
    await findNodes(hostPath, path, walk);
    return walk.nodes;
  }
  const device = toDevice(found, path, access);
  if (device === undefined) throw invalidArgument(`${JSON.stringify(hostPath)} is not a device`);
  return [device];
}

interface Walk {
  readonly access: string;
  readonly limit: number;
  readonly slice: Pick<TimeSlice, "turn">;
  readonly nodes: GrantedDevice[];
  looked: number;
}

async function findNodes(hostDirectory: string, containerDirectory: string, walk: Walk): Promise<void> {
  const entries = ifThere(hostDirectory, (path) => readdirSync(path, { withFileTypes: true })) ?? [];
  walk.looked += entries.length;
  if (walk.looked > walk.limit) {
    throw invalidArgument(
      `devices below ${JSON.stringify(hostDirectory)}: more than ${walk.limit} entries; name the directories that hold devices`,
    );
  }
  for (const entry of entries) {
    await walk.slice.turn();
    const from = join(hostDirectory, entry.name);
    const to = `${containerDirectory}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) await findNodes(from, to, walk);
      continue;
    }
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) continue;
    // The container has a console and a ptmx of its own.
    if (to === "/dev/console" || to === "/dev/ptmx") continue;
    const device = toDevice(ifThere(from, lookAtNode), to, walk.access);
    if (device !== undefined) walk.nodes.push(device);
  }
}

function lookAtNode(path: string): FoundDevice {
  const { mode, rdev, uid, gid } = statSync(path);
  return { errno: 0, mode, deviceMajor: majorOf(rdev), deviceMinor: minorOf(rdev), uid, gid };
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

function toDevice(found: FoundDevice | undefined, path: string, access: string): GrantedDevice | undefined {
  if (found === undefined) return undefined;
  const { mode, deviceMajor: major, deviceMinor: minor, uid, gid } = found;
  const type = mode & fileTypeMask;
  if (type !== characterDevice && type !== blockDevice) return undefined;
  return {
    access,
    device: { path, type: type === blockDevice ? "b" : "c", major, minor, fileMode: mode & 0o777, uid, gid },
  };
}

/** makedev(3): the kernel's 32-bit encoding, 12 bits of major between two parts of the minor. */
export function majorOf(rdev: number): number {
  return (rdev >>> 8) & 0xfff;
}

export function minorOf(rdev: number): number {
  return (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
}
