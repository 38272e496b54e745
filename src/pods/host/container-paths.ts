import type { ContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";

/** Parts of `<root>/containers/<id>`. */
export interface ContainerPaths {
  /** The writable layer. */
  readonly upper: HostPath;
  /** Overlay's scratch, on the same filesystem. */
  readonly work: HostPath;
  /** Where the root is attached, in the container's own mount namespace only. */
  readonly rootfs: HostPath;
  /** Anonymous volumes the image declares. */
  readonly volumes: HostPath;
}

export function containerDirectory(root: HostPath, id: ContainerId): HostPath {
  return joinHostPath(root, "containers", id);
}

export function containerPaths(directory: HostPath): ContainerPaths {
  return {
    upper: joinHostPath(directory, "upper"),
    work: joinHostPath(directory, "work"),
    rootfs: joinHostPath(directory, "rootfs"),
    volumes: joinHostPath(directory, "volumes"),
  };
}
