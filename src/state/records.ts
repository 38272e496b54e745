import type { ContainerConfig, PodSandboxConfig } from "../gen/runtime/v1/api_pb.ts";
import type { ImageId } from "../ids/digest.ts";
import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { CgroupPath, HostPath } from "../ids/path.ts";
import type { Pid } from "../ids/process.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { AttachRequest, NetworkAttachment } from "../network/port.ts";
import type { PodResources } from "../oci/pod-resources.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";

/** A process that must be told from a later one with the same number. */
export interface ProcessRef {
  readonly pid: Pid;
  /** Clock ticks since boot, /proc/PID/stat field 22. */
  readonly startTime: bigint;
}

/**
 * ```
 *   runSandbox            stop, monitor lost, reboot           remove
 *  (intent) ──────▶ ready ─────────────────────────▶ notready ──────▶ (gone)
 *     └─ failure, crash: undone ─▶ (gone)
 * ```
 * A sandbox being made is an intent (`intents.ts`), not a record: no client can see it.
 */
export type SandboxState = "ready" | "notready";

export interface SandboxRecord {
  readonly id: SandboxId;
  readonly state: SandboxState;
  readonly createdAtNs: UnixNanos;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  /** What the pod's containers see: the host's where the pod names none. */
  readonly hostname: string;
  /** Parent group of the pod's containers; removed with the pod only if crib made it. */
  readonly cgroup: CgroupPath;
  readonly ownsCgroup: boolean;
  /** The pod has a /dev/shm of its own, mounted at `<directory>/shm`. */
  readonly ownsShm: boolean;
  /** <state>/pods/<id>: monitor socket, exit records, hosts, resolv.conf, shm. */
  readonly directory: HostPath;
  readonly monitor: ProcessRef | undefined;
  readonly initPid: Pid | undefined;
  /** Where the network namespace is pinned; undefined for host network. */
  readonly netns: HostPath | undefined;
  readonly networkRequest: AttachRequest | undefined;
  readonly network: NetworkAttachment | undefined;
  /** What the pod as a whole may use after an update; undefined: what its config says. */
  readonly podResources?: PodResources;
  readonly bootId: string;
  /** The pod was stopped on purpose: its network is already torn down. */
  readonly networkReleased: boolean;
}

/**
 * ```
 *  create          start              exit seen           remove
 *  ──────▶ created ─────▶ running ─────────────▶ exited ──────────▶ removing ─▶ (gone)
 *             │  └── failed start, sandbox stopped ──▶ ▲               ▲
 *             └────────────────────── remove ──────────────────────────┘
 * ```
 * Before `created` there are only directories named by an id that no record holds: recovery removes those. A crash
 * between the start and its record is settled by the monitor, which knows what it started.
 */
export type ContainerState = "created" | "running" | "exited" | "removing";

export interface ContainerRecord {
  readonly id: ContainerId;
  readonly sandboxId: SandboxId;
  readonly state: ContainerState;
  readonly config: ContainerConfig;
  readonly imageId: ImageId;
  /** The reference the kubelet asked for, for ContainerStatus.image. */
  readonly imageReference: string;
  /** The digest a registry knows the image by, for ContainerStatus.image_ref; records of before it was kept have none. */
  readonly imageRepoDigest?: string | undefined;
  readonly cgroup: CgroupPath;
  /** <root>/containers/<id>: upper, work, rootfs. */
  readonly directory: HostPath;
  /** Absolute; undefined when the config gives no log path. */
  readonly logPath: HostPath | undefined;
  readonly spec: RuntimeSpec;
  readonly stopSignal: number;
  readonly createdAtNs: UnixNanos;
  readonly startedAtNs: UnixNanos;
  readonly finishedAtNs: UnixNanos;
  readonly process: ProcessRef | undefined;
  readonly exitCode: number;
  /** "", Completed, Error, OOMKilled, StartError, ContainerCannotRun, Unknown. */
  readonly reason: string;
  readonly message: string;
}
