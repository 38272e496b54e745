import { assertNever } from "../errors/assert-never.ts";
import { invalidArgument } from "../errors/crib-error.ts";
import type { ContainerSecurityContext } from "../spec/security-context.ts";

/** How a container sees control groups. */
export interface CgroupView {
  /** own: rooted at the container's group. host: the whole tree, by the names it has on the host. */
  readonly namespace: "own" | "host";
  /** delegated: writable for a container that is not privileged, which only v2 with `nsdelegate` makes safe. */
  readonly access: "read-only" | "writable" | "delegated";
}

/**
 * What a request says of control groups, by the API's rules (KEP-5474). Who says nothing gets a namespace, writable when
 * privileged.
 *
 * @throws {CribError} invalid-argument for modes that exclude each other.
 */
export function cgroupView(
  security: Pick<ContainerSecurityContext, "privileged" | "namespaceOptions" | "cgroupMountMode"> | undefined,
  field: string,
): CgroupView {
  const privileged = security?.privileged === true;
  const namespace = namespaceOf(security, `${field}.namespace_options.cgroupns_options.mode`);
  const mode = security?.cgroupMountMode;
  switch (mode) {
    case undefined:
      return { namespace, access: privileged ? "writable" : "read-only" };
    case "read-only":
      if (privileged) {
        throw invalidArgument(`${field}.cgroup_mount_mode: a privileged container's cgroups are always writable`);
      }
      return { namespace, access: "read-only" };
    case "read-write":
      if (namespace === "host" && !privileged) {
        throw invalidArgument(
          `${field}.cgroup_mount_mode: the host's cgroups (cgroup namespace NODE) are writable for privileged containers only`,
        );
      }
      return { namespace, access: privileged ? "writable" : "delegated" };
    default:
      return assertNever(mode, "cgroup mount mode");
  }
}

function namespaceOf(
  security: Pick<ContainerSecurityContext, "namespaceOptions"> | undefined,
  field: string,
): CgroupView["namespace"] {
  const mode = security?.namespaceOptions?.cgroupnsOptions?.mode;
  if (mode === undefined || mode === "container") return "own";
  if (mode === "node") return "host";
  throw invalidArgument(`${field}: ${mode.toUpperCase()} is neither CONTAINER nor NODE`);
}
