import type { HostFacts } from "./host-facts.ts";
import type { RuntimeSpec } from "./runtime-spec.ts";
import { hostIdOf } from "./user-namespace.ts";

/**
 * Who on the host must own a container's group so that the container's root can use it as it sees it, writable, in a cgroup
 * namespace of its own; undefined: the host's root, as every group.
 */
export function cgroupOwner(
  { linux, mounts }: RuntimeSpec,
  host: Pick<HostFacts, "cgroupDelegation">,
): { readonly uid: number; readonly gid: number } | undefined {
  const writable = mounts.some(({ type, options }) => type === "cgroup" && options.includes("rw"));
  const own = linux.namespaces.some(({ type }) => type === "cgroup");
  if (!host.cgroupDelegation || !writable || !own) return undefined;
  const uid = hostIdOf(linux.uidMappings ?? [], 0);
  const gid = hostIdOf(linux.gidMappings ?? [], 0);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
