import type { RequestedHostPath } from "./requested-path.ts";
import type { ResourceLimits } from "./resource-limits.ts";
import type { SecurityContext } from "./security-context.ts";

/**
 * What RunPodSandbox asks for. `cri/spec/` makes it of a request that has been checked; everything below `cri/` knows only this.
 *
 * It is frozen, all the way down. "" says that a text was not given; undefined that a whole message was not.
 */
export interface PodSpec {
  readonly metadata: PodMetadata;
  readonly hostname: string;
  /** undefined: the pod's containers have no logs. */
  readonly logDirectory: RequestedHostPath | undefined;
  readonly dnsConfig: DnsConfig | undefined;
  readonly portMappings: readonly PodPort[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: LinuxPodSpec | undefined;
}

export interface PodMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

/** Lines of resolv.conf. */
export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface PodPort {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly containerPort: number;
  /** 0: none is asked for. */
  readonly hostPort: number;
  /** "": every address. */
  readonly hostIp: string;
}

export interface LinuxPodSpec {
  /** A path of cgroupfs or the name of a slice; "": below the configured parent. */
  readonly cgroupParent: string;
  readonly sysctls: Readonly<Record<string, string>>;
  /** What the pod itself may use, on top of the sum of its containers. */
  readonly overhead: ResourceLimits | undefined;
  /** The sum over the pod's containers. */
  readonly resources: ResourceLimits | undefined;
  readonly securityContext: SecurityContext | undefined;
}
