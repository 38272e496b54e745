import type { HostFacts } from "../oci/host-facts.ts";

/**
 * What this runtime really does, in the words of Status: the kubelet and the scheduler refuse or place pods by it, so a
 * feature is named here only once its behaviour is there.
 */
export function handlerFeatures({ userNamespaces, kernelVersion }: FeatureFacts): {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
} {
  const { major, minor } = kernelVersion;
  return {
    /** `mount_setattr(AT_RECURSIVE)`. */
    recursiveReadOnlyMounts: major > 5 || (major === 5 && minor >= 12),
    userNamespaces,
  };
}

export type FeatureFacts = Pick<HostFacts, "kernelVersion" | "userNamespaces" | "apparmor" | "selinux">;

export function runtimeFeatures({ userNamespaces }: FeatureFacts): {
  readonly supplementalGroupsPolicy: boolean;
  readonly userNamespacesHostNetwork: boolean;
  readonly mountOptions: boolean;
} {
  return {
    supplementalGroupsPolicy: true,
    userNamespacesHostNetwork: userNamespaces,
    /** noexec, nodev, nosuid a mount. */
    mountOptions: true,
  };
}
