import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { CgroupPath } from "../ids/path.ts";
import { parseCgroupPath } from "../ids/path.ts";
import { systemdSlicePath } from "./systemd-path.ts";

/** How the groups of pods and containers are named, on which the kubelet and crib must agree (KEP-4033). */
export interface DriverPaths {
  /** The group a request's `cgroup_parent` means. @throws {CribError} invalid-argument for a malformed one. */
  parent(cgroupParent: string): CgroupPath;
  /** A container's group in its pod's, and the one that stands for the pod itself. */
  container(pod: CgroupPath, id: ContainerId | SandboxId): CgroupPath;
}

/**
 * `cgroupfs`: paths as they are. `systemd`: pods are slices, containers scopes in them. crib makes these groups itself, where
 * systemd would put them; it does not ask systemd's bus to make them, so the slices the kubelet made are units and the
 * scopes in them plain groups.
 */
export const driverPaths: Readonly<Record<"cgroupfs" | "systemd", DriverPaths>> = {
  cgroupfs: {
    parent: (text) => parseCgroupPath(text.startsWith("/") ? text : `/${text}`, "cgroup_parent"),
    container: (pod, id) => parseCgroupPath(`${pod}/${id}`),
  },
  systemd: {
    parent: systemdSlicePath,
    container: (pod, id) => parseCgroupPath(`${pod}/crib-${id}.scope`),
  },
};
