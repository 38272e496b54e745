import type { SandboxId } from "../ids/object-id.ts";
import type { HostPath } from "../ids/path.ts";

export interface PortMapping {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly containerPort: number;
  /** 0 mappings are dropped before they get here. */
  readonly hostPort: number;
  /** "" for every address. */
  readonly hostIp: string;
}

export interface PodNetworkRequest {
  readonly sandboxId: SandboxId;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly netns: HostPath;
  readonly portMappings: readonly PortMapping[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
}

/** What a pod got; kept in its record so that `detach` and a restarted daemon can undo or re-adopt it. */
export interface NetworkAttachment {
  readonly provider: "cni" | "builtin";
  /** Primary first. */
  readonly ips: readonly string[];
  readonly portMappings: readonly PortMapping[];
  /** The last CNI result, or the built-in network's own summary: JSON, shown by verbose status. */
  readonly result: unknown;
  /** The CNI network list as it was at ADD: DEL uses it even if the configuration changed since. */
  readonly cniConfig: unknown;
}

/** Networking of pods with a network namespace of their own. Host-network pods never come here. */
export interface PodNetwork {
  /**
   * Gives the namespace at `netns` interfaces and addresses. On failure everything half-done is undone.
   * @throws {CribError} unavailable when no network is configured or a plugin failed (message names it), resource-exhausted when no address is left.
   */
  attach(request: PodNetworkRequest, signal: AbortSignal): Promise<NetworkAttachment>;
  /** Idempotent; works when the namespace is gone, and from an intent whose attach never finished (`attachment` undefined). */
  detach(request: PodNetworkRequest, attachment: NetworkAttachment | undefined): Promise<void>;
  /** At start: adopts the attachments of live pods, removes interfaces, rules and addresses of pods that are no more. */
  reconcile(
    live: readonly { readonly request: PodNetworkRequest; readonly attachment: NetworkAttachment }[],
  ): Promise<void>;
  status(): Promise<{ readonly ready: boolean; readonly reason: string; readonly message: string }>;
  /** UpdateRuntimeConfig: the node's pod range(s), comma-separated CIDRs. */
  setPodCidr(cidr: string): Promise<void>;
  /** Interface counters of a pod, for stats. */
  interfaceStats(netns: HostPath): Promise<readonly InterfaceStats[]>;
  close(): Promise<void>;
}

export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes: bigint;
  readonly rxPackets: bigint;
  readonly rxErrors: bigint;
  readonly rxDropped: bigint;
  readonly txBytes: bigint;
  readonly txPackets: bigint;
  readonly txErrors: bigint;
  readonly txDropped: bigint;
}
