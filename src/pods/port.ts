import type { CgroupAccounting, CgroupStats, DeviceIo } from "../cgroups/port.ts";
import type { CribError } from "../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { InterfaceStats } from "../network/port.ts";
import type { Patience } from "../observe/patience.ts";
import type { HandlerExamination, HandlerFeatures } from "../runtime/handlers.ts";
import type { ContainerSpec } from "../spec/container-spec.ts";
import type { PodSpec } from "../spec/pod-spec.ts";
import type { ResourceLimits } from "../spec/resource-limits.ts";
import type { ContainerRecord, SandboxRecord, TeardownStep } from "../state/records.ts";
import type { PodStreams } from "./streams.ts";

/**
 * Pods and their containers: what the CRI's RuntimeService handlers call.
 *
 * Requests come checked and parsed (see `cri/spec/`). Ids may be unambiguous prefixes wherever a `string` is taken.
 * Every verb is safe to retry: a retry joins work under way or returns its result.
 */
export interface Pods extends PodStreams {
  runSandbox(config: PodSpec, runtimeHandler: string): Promise<SandboxId>;
  /** Absent is success. */
  stopSandbox(id: string): Promise<void>;
  /** Absent is success. */
  removeSandbox(id: string): Promise<void>;
  /** @throws not-found */
  sandbox(id: string): SandboxRecord;
  sandboxes(): readonly SandboxRecord[];
  /** What is wrong with a pod that its record does not say. @throws not-found */
  sandboxTrouble(id: string): SandboxTrouble;
  /** Of every pod that has one. */
  monitors(): readonly MonitorSample[];
  /** Those of `names`, or all that run another executable than this daemon's. @throws not-found */
  renewMonitors(names: readonly string[]): Promise<readonly MonitorRenewal[]>;

  createContainer(sandboxId: string, config: ContainerSpec): Promise<ContainerId>;
  startContainer(id: string): Promise<void>;
  /** Absent is success; `timeoutSeconds` 0 kills at once. */
  stopContainer(id: string, timeoutSeconds: bigint): Promise<void>;
  /** Absent is success; a running container is killed first. */
  removeContainer(id: string): Promise<void>;
  /** @throws not-found */
  container(id: string): ContainerRecord;
  containers(): readonly ContainerRecord[];

  execSync(request: ExecSyncRequest): Promise<ExecSyncResult>;
  reopenLog(id: string): Promise<void>;
  updateResources(id: string, resources: ResourceLimits): Promise<void>;
  updateSandboxResources(
    id: string,
    overhead: ResourceLimits | undefined,
    resources: ResourceLimits | undefined,
  ): Promise<void>;

  /** What is not known within `patience` is left out, or told as it was last. */
  containerStats(id: string, patience: Patience): Promise<ContainerStatsSample>;
  sandboxStats(id: string, patience: Patience): Promise<SandboxStatsSample>;
  sandboxMetrics(id: string, patience: Patience): Promise<SandboxMetricsSample>;

  /** What pods may ask for by name, the default first. */
  runtimeHandlers(): readonly HandlerFeatures[];
  /** The same handlers, each tried now, with the number of pods that it has. */
  examineRuntimes(): Promise<readonly RuntimeSample[]>;

  /** Every change of a container or sandbox, in order; the subscription ends with `signal`. A slow reader loses its subscription, never memory. */
  events(signal: AbortSignal): AsyncIterable<PodEvent>;
}

export interface RuntimeSample extends HandlerExamination {
  readonly pods: number;
}

export interface MonitorSample {
  readonly id: SandboxId;
  /** Undefined when it is too old to tell, or does not answer. */
  readonly build: string | undefined;
  readonly newest: string | undefined;
}

export interface MonitorRenewal {
  readonly id: SandboxId;
  readonly build: string | undefined;
  /** Why it goes on as it was; undefined when it was renewed. */
  readonly failure: CribError | undefined;
}

/** Both are empty for a pod that is well. */
export interface SandboxTrouble {
  /** Why its monitor is unknown; undefined when that answers, or the pod has none. */
  readonly monitor: string | undefined;
  /** Parts of a stopped pod that could not be given back yet; crib tries again. */
  readonly notGivenBack: readonly { readonly step: TeardownStep; readonly reason: string }[];
}

export interface ExecSyncRequest {
  readonly containerId: string;
  readonly command: readonly string[];
  /** 0n: no limit. */
  readonly timeoutSeconds: bigint;
}

export interface ExecSyncResult {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

export interface ContainerStatsSample {
  readonly container: ContainerRecord;
  readonly cgroup: CgroupStats | undefined;
  /** CPU rate since the previous sample, nanocores; undefined for the first. */
  readonly usageNanoCores: bigint | undefined;
  /** undefined: not measured yet, or not to be. */
  readonly writableLayer: WritableLayerUsage | undefined;
}

export interface WritableLayerUsage {
  /** When it was measured, which may be a while ago. */
  readonly timestampNs: UnixNanos;
  readonly mountpoint: string;
  readonly usedBytes: bigint;
  readonly inodesUsed: bigint;
}

export interface SandboxStatsSample {
  readonly sandbox: SandboxRecord;
  readonly cgroup: CgroupStats | undefined;
  readonly usageNanoCores: bigint | undefined;
  readonly interfaces: readonly InterfaceStats[];
  readonly containers: readonly ContainerStatsSample[];
}

export interface ContainerMetricsSample extends ContainerStatsSample {
  readonly accounting:
    | (Omit<CgroupAccounting, "io"> & {
        readonly io: readonly (DeviceIo & { readonly deviceName: string })[] | undefined;
      })
    | undefined;
  readonly processes: ProcessCounts | undefined;
  readonly filesystem: FilesystemSample | undefined;
}

export interface ProcessCounts {
  readonly processes: bigint;
  readonly fileDescriptors: bigint;
  /** undefined: there are too many descriptors to look at each. */
  readonly sockets: bigint | undefined;
  /** The first process' soft limit; undefined: unlimited. */
  readonly openFilesLimit: bigint | undefined;
}

/** The filesystem of the writable layers. */
export interface FilesystemSample {
  /** "/dev/vda1", or "254:1" where the host has no name for it. */
  readonly device: string;
  readonly totalBytes: bigint;
  readonly totalInodes: bigint;
  readonly freeInodes: bigint;
}

export interface SandboxMetricsSample {
  readonly sandbox: SandboxRecord;
  readonly interfaces: readonly InterfaceStats[];
  readonly containers: readonly ContainerMetricsSample[];
}

export interface PodEvent {
  readonly type: "created" | "started" | "stopped" | "deleted";
  /** Container id, or the sandbox's own id for sandbox events (as containerd does). */
  readonly containerId: string;
  readonly createdAtNs: UnixNanos;
  readonly sandbox: SandboxRecord;
  readonly containers: readonly ContainerRecord[];
}
