import type { SpecRlimit } from "./runtime-spec.ts";

/** What a spec depends on about the machine, read once at start: `oci/` itself looks at nothing. */
export interface HostFacts {
  /** GOARCH name of this machine. */
  readonly architecture: "amd64" | "arm64";
  readonly kernelVersion: { readonly major: number; readonly minor: number };
  /** Mask of the capabilities this process may hand on (its bounding set), bit n = capability n. */
  readonly capabilities: bigint;
  readonly cgroupMode: "v1" | "hybrid" | "v2";
  /** A container may be given its groups to manage: v2 alone, mounted with `nsdelegate`, which keeps it inside them. */
  readonly cgroupDelegation: boolean;
  /** The kernel confines by AppArmor profiles. */
  readonly apparmor: boolean;
  /** SELinux is enabled. */
  readonly selinux: boolean;
  /** Pods may have user namespaces: they are switched on, and overlay takes idmapped layers (Linux 5.19). */
  readonly userNamespaces: boolean;
  /** The kernel was built with CONFIG_SECCOMP_FILTER. */
  readonly seccomp: boolean;
  /** Limits every container starts with; what is not named is as its monitor has it. */
  readonly rlimits: readonly SpecRlimit[];
}
