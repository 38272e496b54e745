import type { NamespaceOptions } from "./namespace-options.ts";
import type { SecurityProfile } from "./security-profile.ts";

/** Whether a user has the groups that the image's files give it, or those of the request alone. */
export type SupplementalGroupsPolicy = "merge" | "strict";

/** Parts of a label; "" where the request names none. */
export interface SelinuxOptions {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

/** What pods and containers say alike of who they run as and what confines them. */
export interface SecurityContext {
  readonly privileged: boolean;
  /** undefined: nothing is said, see `podNamespaces`. */
  readonly namespaceOptions: NamespaceOptions | undefined;
  readonly selinuxOptions: SelinuxOptions | undefined;
  readonly runAsUser: bigint | undefined;
  readonly runAsGroup: bigint | undefined;
  readonly readonlyRootfs: boolean;
  readonly supplementalGroups: readonly bigint[];
  readonly supplementalGroupsPolicy: SupplementalGroupsPolicy;
  readonly seccomp: SecurityProfile | undefined;
  readonly apparmor: SecurityProfile | undefined;
  /** How kubelets before 1.20 named a profile; read where `seccomp` is undefined. "": none. */
  readonly seccompProfilePath: string;
}

export interface ContainerSecurityContext extends SecurityContext {
  readonly capabilities: RequestedCapabilities | undefined;
  /** A name of the image's files; "": none. */
  readonly runAsUsername: string;
  readonly noNewPrivs: boolean;
  /** Both lists are empty on purpose where a pod asks for procMount "Unmasked". */
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** How older kubelets named a profile; read where `apparmor` is undefined. "": none. */
  readonly apparmorProfile: string;
  /** undefined: as the runtime thinks right. */
  readonly cgroupMountMode: CgroupMountMode | undefined;
}

export type CgroupMountMode = "read-only" | "read-write";

/** Names as the request writes them, with or without "CAP_"; "ALL" is one. */
export interface RequestedCapabilities {
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly addAmbientCapabilities: readonly string[];
}

/** A context in which every field says nothing. Its lists of protected paths are empty: see `maskedPaths`. */
export const emptySecurityContext: ContainerSecurityContext = Object.freeze({
  privileged: false,
  namespaceOptions: undefined,
  selinuxOptions: undefined,
  runAsUser: undefined,
  runAsGroup: undefined,
  readonlyRootfs: false,
  supplementalGroups: Object.freeze([]),
  supplementalGroupsPolicy: "merge",
  seccomp: undefined,
  apparmor: undefined,
  seccompProfilePath: "",
  capabilities: undefined,
  runAsUsername: "",
  noNewPrivs: false,
  maskedPaths: Object.freeze([]),
  readonlyPaths: Object.freeze([]),
  apparmorProfile: "",
  cgroupMountMode: undefined,
});
