import { posix } from "node:path";
import { assertNever } from "../../errors/assert-never.ts";
import { invalidArgument } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";
import { parseHostPath, parseRootfsPath } from "../../ids/path.ts";
import type { RequestedMount } from "../../spec/requested-mount.ts";
import type { SpecMount } from "../runtime-spec.ts";
import type { UserNamespace } from "../user-namespace.ts";
import { checkMountMap } from "../user-namespace.ts";

/** Files of /proc a mount may cover, as lxcfs does; anything else there could hide what confines the container (CVE-2019-16884). */
const coverableProcFiles: ReadonlySet<string> = new Set([
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/slabinfo",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/crypto/fips_enabled",
]);

const requestableOptions: ReadonlySet<string> = new Set(["noexec", "nodev", "nosuid"]);

/** An image that is mounted: its layers on the host, top first, and the part that is shown ("": all). */
export interface ImageVolume {
  readonly imageId: string;
  readonly lower: readonly HostPath[];
  readonly path: string;
}

/** A volume that the image declares. `copyUp`: it begins with what the image has there. */
export interface AnonymousVolume {
  readonly copyUp: boolean;
}

/** A directory of the container's own on the host, or a tmpfs, which runtimes know how to fill ("tmpcopyup"). */
export function anonymousVolume(
  { containerPath: path, hostPath }: RequestedMount,
  { copyUp }: AnonymousVolume,
): SpecMount {
  const destination = containerPath(path);
  const source = hostPath === undefined ? "tmpfs" : parseHostPath(hostPath, "volume of the image");
  checkProc(destination, source);
  if (hostPath !== undefined)
    return { destination, type: "bind", source, options: ["rbind", "rprivate", "rw"], ...(copyUp && { copyUp }) };
  const options = ["rprivate", "rw", "nosuid", "nodev", ...(copyUp ? ["tmpcopyup"] : [])];
  return { destination, type: "tmpfs", source, options, ...(copyUp && { copyUp }) };
}

/**
 * One CRI mount: a bind, or an image, which is read-only and without devices and set-uid programs, but may be executed.
 *
 * @throws {CribError} invalid-argument for paths, propagation or options that cannot be honoured.
 */
export function requestedMount(mount: RequestedMount, userNamespace?: UserNamespace, image?: ImageVolume): SpecMount {
  const destination = containerPath(mount.containerPath);
  if (image !== undefined) return imageMount(mount, destination, image);
  if (mount.hostPath === undefined) {
    throw invalidArgument(`mount on ${quote(destination)} names neither a host path nor an image`);
  }
  const source = parseHostPath(mount.hostPath, "mount host_path");
  checkProc(destination, source);
  const idmapped = mount.uidMappings.length > 0 || mount.gidMappings.length > 0;
  if (idmapped) {
    checkMountMap(mount.uidMappings, userNamespace?.uids, `mount on ${quote(destination)}`);
    checkMountMap(mount.gidMappings, userNamespace?.gids, `mount on ${quote(destination)}`);
  }
  if (userNamespace !== undefined && mount.propagation === "bidirectional") {
    throw invalidArgument(
      `mount on ${quote(destination)}: a pod with a user namespace of its own cannot hand mounts to the host`,
    );
  }
  return {
    destination,
    type: "bind",
    source,
    options: ["rbind", propagationOption(mount), ...accessOptions(mount, destination), ...(idmapped ? ["ridmap"] : [])],
    ...(idmapped &&
      userNamespace !== undefined && { uidMappings: userNamespace.uids, gidMappings: userNamespace.gids }),
  };
}

function imageMount(mount: RequestedMount, destination: string, { imageId, lower, path }: ImageVolume): SpecMount {
  if (destination === "/proc" || destination.startsWith("/proc/")) {
    throw invalidArgument(`mount on ${quote(destination)} would cover procfs, which confines the container`);
  }
  const options = new Set(["rprivate", ...accessOptions(mount, destination), "nosuid", "nodev"]);
  return { destination, type: "image", source: imageId, options: [...options], image: { lower, path } };
}

/** Absolute, with `.`, `..` and doubled slashes folded. @throws {CribError} invalid-argument, also for the root itself. */
function containerPath(text: string): string {
  const path = posix.normalize(parseRootfsPath(text, "mount container_path"));
  const folded = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  if (folded === "/") throw invalidArgument('mount container_path "/" would hide the container\'s root');
  return folded;
}

function propagationOption(mount: RequestedMount): string {
  switch (mount.propagation) {
    case "private":
      return "rprivate";
    case "host-to-container":
      return "rslave";
    case "bidirectional":
      return "rshared";
    default:
      return assertNever(mount.propagation, "mount propagation");
  }
}

function accessOptions(mount: RequestedMount, destination: string): readonly string[] {
  for (const option of mount.mountOptions) {
    if (!requestableOptions.has(option)) {
      throw invalidArgument(
        `mount on ${quote(destination)} has option ${quote(option)}; only noexec, nodev and nosuid can be asked for`,
      );
    }
  }
  if (!mount.recursiveReadOnly) return [mount.readonly ? "ro" : "rw", ...mount.mountOptions];
  if (!mount.readonly || mount.propagation !== "private") {
    throw invalidArgument(`mount on ${quote(destination)}: recursive_read_only needs readonly and private propagation`);
  }
  return ["rro", ...mount.mountOptions];
}

function checkProc(destination: string, source: string): void {
  if (destination === "/proc" && source === "/proc") return;
  if (destination !== "/proc" && !destination.startsWith("/proc/")) return;
  if (coverableProcFiles.has(destination)) return;
  throw invalidArgument(`mount on ${quote(destination)} would cover procfs, which confines the container`);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
