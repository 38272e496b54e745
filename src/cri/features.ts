import type { HostFacts } from "../oci/host-facts.ts";

/**
 * What this runtime really does, in the words of Status: the kubelet and the scheduler refuse or place pods by it, so a
 * feature is named here only once its behaviour is there.
 */
export function handlerFeatures({ userNamespaces, kernelVersion }: FeatureFacts): {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
  readonly cgroupNamespaces: boolean;
} {
  const { major, minor } = kernelVersion;
  return {
    /** `mount_setattr(AT_RECURSIVE)`. */
    recursiveReadOnlyMounts: major > 5 || (major === 5 && minor >= 12),
    userNamespaces,
    /** Linux 4.6, which is older than all that crib runs on. */
    cgroupNamespaces: true,
  };
}

export type FeatureFacts = Pick<
  HostFacts,
  "kernelVersion" | "userNamespaces" | "apparmor" | "selinux" | "cgroupDelegation" | "seccomp"
>;

export function runtimeFeatures({ userNamespaces, cgroupDelegation, seccomp }: FeatureFacts): {
  readonly supplementalGroupsPolicy: boolean;
  readonly userNamespacesHostNetwork: boolean;
  readonly mountOptions: boolean;
  readonly cgroupMountMode: boolean;
  readonly seccompProfileOci: boolean;
} {
  return {
    supplementalGroupsPolicy: true,
    userNamespacesHostNetwork: userNamespaces,
    /** noexec, nodev, nosuid a mount. */
    mountOptions: true,
    /** READ_ONLY works everywhere; whoever reads this means to place pods that ask for READ_WRITE. */
    cgroupMountMode: cgroupDelegation,
    /** Profiles are pulled anywhere; applied only where the kernel filters. */
    seccompProfileOci: seccomp,
  };
}
