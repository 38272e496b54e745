import { existsSync } from "node:fs";
import type { ContainerConfig, Mount } from "../../gen/runtime/v1/api_pb.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Image } from "../../images/port.ts";
import { makeDirectories } from "../../kernel/exact-modes.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import type { PodEngine } from "../engine.ts";
import { type AnonymousVolumes, anonymousVolumes, normalContainerPath } from "./anonymous-volumes.ts";

/** The mounts a container really gets; `anonymous` are those of them that its image declares. */
export interface ResolvedMounts {
  readonly mounts: Mount[];
  readonly anonymous: AnonymousVolumes;
}

/** The request's, whose missing host directories are made (as the field does for hostPath), and the image's volumes. */
export function resolveMounts(
  engine: PodEngine,
  directory: HostPath,
  config: ContainerConfig,
  image: Image,
  lowerDirs: readonly HostPath[],
  userNamespace: UserNamespace | undefined,
): ResolvedMounts {
  for (const mount of config.mounts) {
    if (mount.image !== undefined && mount.image.image !== "") continue;
    if (!existsSync(mount.hostPath)) makeDirectories(mount.hostPath, 0o755);
  }
  const taken = new Set(config.mounts.map((mount) => normalContainerPath(mount.containerPath)));
  const anonymous = anonymousVolumes(engine, directory, image.config.volumes, taken, lowerDirs, userNamespace);
  return { mounts: [...config.mounts, ...anonymous.keys()], anonymous };
}
