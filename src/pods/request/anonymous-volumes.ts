import { chownSync } from "node:fs";
import { basename, dirname, posix } from "node:path";
import { failedPrecondition } from "../../errors/crib-error.ts";
import { Errno, errnoName } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { Fd } from "../../ids/process.ts";
import { makeDirectories } from "../../kernel/exact-modes.ts";
import { O_DIRECTORY, O_PATH, S_IFDIR, S_IFMT } from "../../kernel/open-flags.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../kernel/resolve-flags.ts";
import type { AnonymousVolume } from "../../oci/mounts/requested-mounts.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import type { RequestedMount } from "../../spec/requested-mount.ts";
import type { RequestedContainerPath, RequestedHostPath } from "../../spec/requested-path.ts";
import type { PodEngine } from "../engine.ts";
import { containerPaths } from "../host/container-paths.ts";
import { podRoot } from "../host/pod-root.ts";

/** A VOLUME of the image as a mount, and how it begins. */
export type AnonymousVolumes = ReadonlyMap<RequestedMount, AnonymousVolume>;

/**
 * A volume of the container's own for each VOLUME of the image that the pod mounts nothing on, as `runtime.image_volumes` says.
 * What the image has there is copied when the container starts, by its own stage, out of the root as it is mounted.
 *
 * @param taken paths that the pod mounts something on, normalised.
 */
export function anonymousVolumes(
  engine: PodEngine,
  directory: HostPath,
  declared: readonly string[],
  taken: ReadonlySet<string>,
  lowerDirs: readonly HostPath[],
  userNamespace: UserNamespace | undefined,
): AnonymousVolumes {
  const { imageVolumes } = engine.config.runtime;
  const paths = new Set(declared.map(normalContainerPath).filter((path) => path !== "/" && !taken.has(path)));
  if (imageVolumes === "none" || paths.size === 0) return new Map();
  const volumes = new Map<RequestedMount, AnonymousVolume>();
  for (const [path, found] of lookUp(engine, paths, lowerDirs)) {
    if (found === "file" || (found === "directory" && isOfKernel(path))) continue;
    const hostPath = imageVolumes === "copy" ? makeDirectory(directory, volumes.size, userNamespace) : undefined;
    volumes.set(volumeMount(path, hostPath), { copyUp: found === "directory" });
  }
  return volumes;
}

function volumeMount(path: string, hostPath: HostPath | undefined): RequestedMount {
  return {
    containerPath: path as RequestedContainerPath,
    hostPath: hostPath === undefined ? undefined : (hostPath as string as RequestedHostPath),
    image: undefined,
    imageSubPath: "",
    readonly: false,
    recursiveReadOnly: false,
    selinuxRelabel: false,
    propagation: "private",
    uidMappings: [],
    gidMappings: [],
    mountOptions: [],
  };
}

/** Absolute and folded: builders write `data/`, pods `/data`. */
export function normalContainerPath(text: string): string {
  return posix.normalize(`/${text}`).replace(/(?<=.)\/$/, "");
}

/** What a directory of the image's would hide is how the container sees the kernel, and how it is confined. */
function isOfKernel(path: string): boolean {
  return ["/proc", "/sys", "/dev"].some((tree) => path === tree || path.startsWith(`${tree}/`));
}

function makeDirectory(directory: HostPath, index: number, userNamespace: UserNamespace | undefined): HostPath {
  const hostPath = joinHostPath(containerPaths(directory).volumes, String(index));
  makeDirectories(hostPath, 0o755);
  // Made by the host's root, and the container's own root must be able to use it.
  const root = podRoot(userNamespace);
  if (root !== undefined) chownSync(hostPath, root.uid, root.gid);
  return hostPath;
}

/**
 * Gives volumes on the host SELinux' label of the container's files; what is copied into them inherits its type. As a part of the
 * root they would have had it from the overlay.
 */
export function labelVolumes(kernel: PodEngine["kernel"], volumes: AnonymousVolumes, label: string | undefined): void {
  if (label === undefined) return;
  const value = new TextEncoder().encode(`${label}\0`);
  for (const { hostPath } of volumes.keys()) {
    if (hostPath === undefined) continue;
    const parent = kernel.open(dirname(hostPath), O_PATH | O_DIRECTORY);
    using _parent = { [Symbol.dispose]: () => kernel.close(parent) };
    kernel.lsetxattrat(parent, basename(hostPath), "security.selinux", value);
  }
}

type Found = "directory" | "file" | "nothing";

/** Inside the image's root, so that no link of the image is followed on the host (CVE-2022-23648). */
function lookUp(
  { kernel }: PodEngine,
  paths: ReadonlySet<string>,
  lowerDirs: readonly HostPath[],
): ReadonlyMap<string, Found> {
  const view = kernel.openOverlayView(lowerDirs);
  using _view = { [Symbol.dispose]: () => kernel.close(view) };
  return new Map([...paths].map((path) => [path, kindOf(kernel, view, path)]));
}

function kindOf(kernel: PodEngine["kernel"], root: Fd, path: string): Found {
  try {
    const fd = kernel.openat2(root, path, { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
    using _fd = { [Symbol.dispose]: () => kernel.close(fd) };
    return (kernel.fstat(fd).mode & S_IFMT) === S_IFDIR ? "directory" : "file";
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    if (error.errno === Errno.ENOENT || error.errno === Errno.ENOTDIR) return "nothing";
    throw failedPrecondition(
      `the image's volume ${JSON.stringify(path.slice(0, 200))}: ${errnoName(error.errno)}`,
      error,
    );
  }
}
