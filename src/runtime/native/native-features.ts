import type { HostFacts } from "../../oci/host-facts.ts";
import type { RuntimeFeatures } from "../port.ts";

/** What crib's own runtime does on this machine; a feature is named here only once its behaviour is there. */
export function nativeFeatures({
  userNamespaces,
  kernelVersion,
}: Pick<HostFacts, "kernelVersion" | "userNamespaces">): RuntimeFeatures {
  const { major, minor } = kernelVersion;
  return {
    /** `mount_setattr(AT_RECURSIVE)`. */
    recursiveReadOnlyMounts: major > 5 || (major === 5 && minor >= 12),
    userNamespaces,
    /** Linux 4.6, which is older than all that crib runs on. */
    cgroupNamespaces: true,
  };
}
