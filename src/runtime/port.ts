import type { CribError } from "../errors/crib-error.ts";
import type { ContainerId, ExecId, SandboxId } from "../ids/object-id.ts";
import type { CgroupPath, HostPath } from "../ids/path.ts";
import type { Pid } from "../ids/process.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { ProcessRef } from "../kernel/process/process-ref.ts";
import type { CgroupMount } from "../oci/mounts/cgroup-mount.ts";
import type { RuntimeSpec, SpecProcess, SpecSeccomp } from "../oci/runtime-spec.ts";
import type { UserNamespace } from "../oci/user-namespace.ts";
import type { ProcessStreams } from "./streams.ts";

/**
 * What runs pods: crib's own runtime, or another behind its command line. The OCI's document is the only language between
 * pods and a runtime; what a runtime makes of it (a launch plan, a bundle and a command) is its own.
 *
 * A pod's keeper is the process that is parent to its containers. It lives in the pod's namespaces, outlives the daemon, and
 * is found again by the pod's directory.
 */
export interface SandboxRuntime {
  /** What this runtime can do, as it was found out on this machine. */
  readonly features: RuntimeFeatures;
  /** Tries, now and within a deadline, whether it can be called, and tells which one it is. Never rejects. */
  examine(): Promise<RuntimeExamination>;
  /** Makes ahead what the first pod should not wait for. */
  prepare(usual: { readonly seccomp: SpecSeccomp | undefined }): void;
  /** Chooses a pod's id and directory. `fresh`: nothing that was made ahead is taken. Until `begin`, nothing has happened. */
  reserve(namespaces: SandboxNamespaces, options: { readonly fresh: boolean }): SandboxReservation;
  /** Finds the keeper of a pod again. @throws {CribError} unavailable when it does not answer; data-loss when another does. */
  adopt(sandboxId: SandboxId, directory: HostPath): Promise<SandboxHandle>;
  /**
   * Ends a pod's keeper with all its children: by asking it, or by its pid where it does not answer. May be repeated.
   * @throws {CribError} deadline-exceeded naming a process that SIGKILL does not end.
   */
  end(remains: SandboxRemains): Promise<void>;
  /** Exit records of a keeper that is gone, read from the pod's directory. */
  readExitRecords(directory: HostPath): readonly ContainerExit[];
  /** @throws {CribError} invalid-argument, failed-precondition for a container that this runtime could never start. */
  check(spec: RuntimeSpec): void;
  /** Ends what was made ahead; pods live on. */
  [Symbol.dispose](): void;
}

/** In the words of the CRI's Status: the kubelet and the scheduler place pods by it. */
export interface RuntimeFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
  readonly cgroupNamespaces: boolean;
}

export interface RuntimeExamination {
  /** What is called for a container; undefined: nothing but crib itself. */
  readonly program: HostPath | undefined;
  /** In the runtime's own words; undefined when it does not say. */
  readonly version: string | undefined;
  /** Why no pod can run with it; undefined: nothing speaks against it. */
  readonly problem: string | undefined;
}

/** Which namespaces a pod shares with the host. */
export interface SandboxNamespaces {
  readonly hostNetwork: boolean;
  readonly hostUts: boolean;
  readonly hostIpc: boolean;
  /** The pod's own user namespace, which its other namespaces then belong to; undefined: the host's. */
  readonly userNamespace: UserNamespace | undefined;
}

export interface SandboxSetup {
  readonly namespaces: SandboxNamespaces;
  readonly hostname: string | undefined;
  /** A tiny init as PID 1 of a pid namespace that the pod's containers share. */
  readonly sharedPid: boolean;
  /** Keys with `/` separators, already validated against the pod's own namespaces. */
  readonly sysctls: readonly { readonly key: string; readonly value: string }[];
}

export interface SandboxSetupResult {
  /** Host pid of the shared pid namespace's init. */
  readonly initPid: Pid | undefined;
  readonly warnings: readonly string[];
}

export interface SandboxReservation {
  readonly id: SandboxId;
  /** Its keeper waits already. Should that be deaf, `ready` rejects with `unavailable`, and a fresh one may do better. */
  readonly madeAhead: boolean;
  /** Makes the pod's directory, keeper and namespaces. Its intent is written. */
  begin(setup: SandboxSetup): SandboxBeginning;
}

export interface SandboxBeginning {
  readonly launched: Promise<SandboxHandle>;
  readonly ready: Promise<SandboxSetupResult>;
}

/** What a pod that is to be ended may have. */
export interface SandboxRemains {
  readonly id: SandboxId;
  readonly directory: HostPath;
  /** The connected keeper; undefined when it does not answer or none is known. */
  readonly handle: SandboxHandle | undefined;
  /** As its record names it; undefined: it is looked for. */
  readonly keeper: ProcessRef | undefined;
  readonly init: ProcessRef | undefined;
}

/**
 * A pod's keeper as it answers. Every method has a deadline (`deadlines.ts`) and rejects with `unavailable` once the
 * connection has ended, which a missed deadline does. That says nothing of the keeper's life: it may be stopped, or busy.
 */
export interface SandboxHandle {
  readonly sandboxId: SandboxId;
  /** The keeper's. */
  readonly pid: Pid;
  /** Resolves with the reason, once, when the connection ends and neither `disconnect` nor `shutdown` was called. */
  readonly lost: Promise<CribError>;
  /**
   * Creates and starts a container; resolves when its program runs. A start may hang in a step of its own (a file system that
   * does not answer): `giveUp` ends the wait, with its reason; what starts after that is killed.
   *
   * @throws {CribError} with what failed; there is then no such container.
   */
  start(container: ContainerLaunch, giveUp?: AbortSignal): Promise<StartResult>;
  exec(command: ExecLaunch, giveUp?: AbortSignal): Promise<ExecSession>;
  /**
   * A command with a client that stays with it.
   * @throws {CribError} resource-exhausted when the pod has too many; what `exec` throws.
   */
  openExec(command: ExecStreamsLaunch): Promise<ProcessStreams>;
  /** Joins a running container's stdio, from now on. @throws {CribError} failed-precondition, resource-exhausted */
  attach(request: ContainerAttach): Promise<ProcessStreams>;
  /** To the container's first process. A process that is gone is a success. */
  signal(id: ContainerId, signal: number): Promise<void>;
  /** Everything the keeper has started and not been told to forget, with the exits it saw. */
  list(deadlineMs?: number): Promise<readonly KeptContainer[]>;
  reopenLog(id: ContainerId): Promise<void>;
  /** Drops what is kept of an exited container, its exit record included. */
  forget(id: ContainerId): Promise<void>;
  /** Which executable the keeper runs; undefined for a runtime whose keepers are not told apart. */
  readonly keeperBuild?: KeeperBuild;
  /**
   * Has the keeper go on in the executable of today, under its running pod. `directory` is the pod's.
   * @throws {CribError} failed-precondition when it cannot or will not, and goes on as it was; unavailable, deadline-exceeded.
   */
  renewKeeper?(directory: HostPath): Promise<void>;
  /** Asks the keeper to end with all that it keeps. Resolves when its connection has ended. Idempotent. */
  shutdown(): Promise<void>;
  /** Leaves the keeper running and closes the connection (daemon stop). */
  disconnect(): void;
  onExit(listener: (exit: ContainerExit) => void): void;
}

export interface KeeperBuild {
  /** Undefined when it is too old to tell. */
  readonly build: string | undefined;
  /** Of keepers that are made today. */
  readonly newest: string;
}

/** In which pid namespace a container's first process is born. */
export type PidNamespace =
  | { readonly kind: "own" }
  | { readonly kind: "host" }
  /** That of the pod's init, whose number a runtime may need. */
  | { readonly kind: "pod"; readonly init?: Pid }
  | { readonly kind: "process"; readonly pid: number };

export interface ContainerRootfs {
  /** Read-only layers, top first. */
  readonly lower: readonly HostPath[];
  readonly upper: HostPath | undefined;
  readonly work: HostPath | undefined;
  /** An empty directory of the host, covered in the container's mount namespace only. */
  readonly attachAt: HostPath;
}

export interface ContainerLaunch {
  readonly id: ContainerId;
  readonly spec: RuntimeSpec;
  readonly rootfs: ContainerRootfs;
  /** The container's directory, with the root it calls `rootfs`. */
  readonly bundle: HostPath;
  /** Made, with its limits. */
  readonly cgroup: CgroupPath;
  readonly pidNamespace: PidNamespace;
  readonly io: ContainerIo;
}

export interface ContainerIo {
  readonly terminal: boolean;
  /** Keep a stdin pipe open for attachers; otherwise fd 0 is /dev/null. */
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  /** CRI log file, opened O_APPEND|O_CREAT, parents exist; undefined: output is read and dropped. */
  readonly logPath: HostPath | undefined;
}

export interface StartResult {
  readonly pid: Pid;
  readonly startedAtNs: UnixNanos;
  readonly warnings: readonly string[];
}

export interface ContainerExit {
  readonly id: ContainerId;
  /** 0–255; 128+signal when a signal ended it. */
  readonly exitCode: number;
  readonly signal: number;
  readonly finishedAtNs: UnixNanos;
  readonly oomKilled: boolean;
}

export interface KeptContainer {
  readonly id: ContainerId;
  readonly pid: Pid;
  readonly startedAtNs: UnixNanos;
  /** Output that the log file could not take (disk full, I/O error) since the start. */
  readonly droppedLogBytes: bigint;
  readonly exit: ContainerExit | undefined;
}

/** A command in a running container. */
export interface ExecLaunch {
  readonly id: ExecId;
  readonly container: {
    readonly id: ContainerId;
    readonly spec: RuntimeSpec;
    readonly process: ProcessRef;
    readonly cgroup: CgroupPath;
  };
  readonly process: SpecProcess;
  readonly stdin: boolean;
  /** How long it may take until it runs: then it is killed and `deadline-exceeded` the answer. */
  readonly timeoutMs?: number;
}

/** Output of a stream that is not wanted is read and dropped. */
export interface ExecStreamsLaunch extends ExecLaunch {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface ContainerAttach {
  readonly containerId: ContainerId;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface ExecSession {
  /** Output as it comes, in memory that is the listener's only while it runs. */
  onOutput(listener: (stream: "stdout" | "stderr", bytes: Uint8Array) => void): void;
  /** No more output of this stream is wanted; what the process still writes there is read and dropped. */
  mute(stream: "stdout" | "stderr"): void;
  /** The process exited; output that inherited pipes keep open may still follow until `drained`. */
  readonly exited: Promise<{ readonly exitCode: number; readonly signal: number }>;
  /** Both output pipes reached end of file. */
  readonly drained: Promise<void>;
  /** SIGKILL to the command, and to all that it forked as far as the runtime can tell. */
  kill(): void;
  /** Stops reading its output and forgets the session: `exited` and `drained`, if still open, stay so. */
  abandon(): void;
}

/** What a runtime asks of control groups (`cgroups/port.ts` has them). */
export interface RuntimeCgroups {
  readonly containerMounts: readonly CgroupMount[];
  procsFiles(path: CgroupPath): readonly HostPath[];
  oomFile(path: CgroupPath): HostPath | undefined;
  createExec(container: CgroupPath, execId: string): readonly HostPath[];
  killExec(container: CgroupPath, execId: string): void;
  removeExec(container: CgroupPath, execId: string): boolean;
}
