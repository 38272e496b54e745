import type { HostFacts } from "../oci/host-facts.ts";

export type FeatureFacts = Pick<
  HostFacts,
  "kernelVersion" | "userNamespaces" | "apparmor" | "selinux" | "cgroupDelegation" | "seccomp"
>;

/** What the daemon does, whatever runs the pod: a feature is named here only once its behaviour is there. */
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
    /** READ_ONLY works everywhere; the kubelet reads this to place pods that ask for READ_WRITE. */
    cgroupMountMode: cgroupDelegation,
    /** Profiles are pulled anywhere; applied only where the kernel filters. */
    seccompProfileOci: seccomp,
  };
}
