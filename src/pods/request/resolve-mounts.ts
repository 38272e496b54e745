import type { HostPath } from "../../ids/path.ts";
import type { Image } from "../../images/port.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { RequestedMount } from "../../spec/requested-mount.ts";
import type { PodEngine } from "../engine.ts";
import { type AnonymousVolumes, anonymousVolumes, normalContainerPath } from "./anonymous-volumes.ts";

/** The mounts a container really gets; `anonymous` are those of them that its image declares. */
export interface ResolvedMounts {
  readonly mounts: readonly RequestedMount[];
  readonly anonymous: AnonymousVolumes;
}

/** The request's and the image's volumes. Missing directories of the host were made before (`lookAtHostPaths`). */
export function resolveMounts(
  engine: PodEngine,
  directory: HostPath,
  config: ContainerSpec,
  image: Image,
  lowerDirs: readonly HostPath[],
  userNamespace: UserNamespace | undefined,
): ResolvedMounts {
  const taken = new Set(config.mounts.map((mount) => normalContainerPath(mount.containerPath)));
  const anonymous = anonymousVolumes(engine, directory, image.config.volumes, taken, lowerDirs, userNamespace);
  return { mounts: [...config.mounts, ...anonymous.keys()], anonymous };
}
