import type { ImageId } from "../ids/digest.ts";
import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { CgroupPath, HostPath } from "../ids/path.ts";
import type { Pid } from "../ids/process.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { ProcessRef } from "../kernel/process/process-ref.ts";
import type { NetworkAttachment, PodNetworkRequest } from "../network/port.ts";
import type { PodResources } from "../oci/resources/pod-resources.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import type { ContainerSpec } from "../spec/container-spec.ts";
import type { PodSpec } from "../spec/pod-spec.ts";

/** The parts of a pod's end, in the order in which they are done (`pods/lifecycle/teardown/teardown.ts`). */
export type TeardownStep = "network" | "pins" | "monitor" | "shm" | "cgroup" | "files";

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
  readonly config: PodSpec;
  /** As it was asked for: "" is the default. */
  readonly runtimeHandler: string;
  /** The handler that runs it, by name; undefined: crib's own runtime, of before there were others. */
  readonly handler?: string;
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
  /** Tells the shared pid namespace's init from a later process of its number; undefined: no init, or an older record. */
  readonly initStartTime?: bigint;
  /** Where the network namespace is pinned; undefined for host network. */
  readonly netns: HostPath | undefined;
  readonly networkRequest: PodNetworkRequest | undefined;
  readonly network: NetworkAttachment | undefined;
  /** Of `config.logDirectory`, links resolved, when the pod was made; undefined: it was not there, or an older record. */
  readonly realLogDirectory?: HostPath;
  /** What the pod as a whole may use after an update; undefined: what its config says. */
  readonly podResources?: PodResources;
  readonly bootId: string;
  /** The pod's network is torn down. */
  readonly networkReleased: boolean;
  /** Steps of the pod's end that have succeeded; undefined: none yet, or (not ready and released) an older record's all. */
  readonly released?: readonly TeardownStep[];
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

/** A stop that waits for its grace to be over. */
export interface PendingStop {
  /** On the clock that counts since the machine was booted: the wall clock may jump. */
  readonly deadlineUptimeMs: number;
  /** The stop signal was sent: a daemon that comes back must not send a second one. */
  readonly signalled: boolean;
}

export interface ContainerRecord {
  readonly id: ContainerId;
  readonly sandboxId: SandboxId;
  readonly state: ContainerState;
  readonly config: ContainerSpec;
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
  readonly stop?: PendingStop | undefined;
  readonly exitCode: number;
  /** "", Completed, Error, OOMKilled, StartError, ContainerCannotRun, Unknown. */
  readonly reason: string;
  readonly message: string;
}
