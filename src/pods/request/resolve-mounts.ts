import { chownSync, existsSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { failedPrecondition } from "../../errors/crib-error.ts";
import { Errno, errnoName } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { ContainerConfig, Mount } from "../../gen/runtime/v1/api_pb.ts";
import { MountSchema } from "../../gen/runtime/v1/api_pb.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { Fd } from "../../ids/process.ts";
import type { Image } from "../../images/port.ts";
import { makeDirectories } from "../../kernel/exact-modes.ts";
import { O_PATH } from "../../kernel/open-flags.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../kernel/resolve-flags.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import type { PodEngine } from "../engine.ts";
import { containerPaths } from "../host/container-paths.ts";
import { podRoot } from "../host/pod-root.ts";

/**
 * The mounts a container really gets: the request's, whose missing host directories are made (as the field does for
 * hostPath), and an anonymous volume for each VOLUME of the image whose directory the image does not hold.
 *
 * A VOLUME directory that the image does hold stays part of the writable layer: same lifetime, no copy.
 */
export function resolveMounts(
  engine: PodEngine,
  directory: HostPath,
  config: ContainerConfig,
  image: Image,
  lowerDirs: readonly HostPath[],
  userNamespace: UserNamespace | undefined,
): Mount[] {
  for (const mount of config.mounts) {
    if (mount.image !== undefined && mount.image.image !== "") continue;
    if (!existsSync(mount.hostPath)) makeDirectories(mount.hostPath, 0o755);
  }
  const taken = new Set(config.mounts.map((mount) => mount.containerPath));
  const missing = missingVolumes(
    engine,
    image.config.volumes.filter((path) => !taken.has(path)),
    lowerDirs,
  );
  const volumes = missing.map((containerPath, index) => {
    const hostPath = joinHostPath(containerPaths(directory).volumes, String(index));
    makeDirectories(hostPath, 0o755);
    // Made by the host's root, and the container's own root must be able to use it.
    const root = podRoot(userNamespace);
    if (root !== undefined) chownSync(hostPath, root.uid, root.gid);
    return create(MountSchema, { containerPath, hostPath });
  });
  return [...config.mounts, ...volumes];
}

/** Looked up inside the image's root, so that no link of the image is followed on the host (CVE-2022-23648). */
function missingVolumes(
  engine: PodEngine,
  paths: readonly string[],
  lowerDirs: readonly HostPath[],
): readonly string[] {
  if (paths.length === 0) return [];
  const { kernel } = engine;
  const view = kernel.openOverlayView(lowerDirs);
  using _view = { [Symbol.dispose]: () => kernel.close(view) };
  return paths.filter((path) => !existsIn(engine, view, path));
}

function existsIn(engine: PodEngine, root: Fd, path: string): boolean {
  try {
    const how = { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
    engine.kernel.close(engine.kernel.openat2(root, path, how));
    return true;
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    if (error.errno === Errno.ENOENT || error.errno === Errno.ENOTDIR) return false;
    throw failedPrecondition(
      `the image's volume ${JSON.stringify(path.slice(0, 200))}: ${errnoName(error.errno)}`,
      error,
    );
  }
}
