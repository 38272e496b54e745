import type { CribError } from "../../../errors/crib-error.ts";
import type { ContainerId, ExecId, SandboxId } from "../../../ids/object-id.ts";
import type { HostPath } from "../../../ids/path.ts";
import type { Pid } from "../../../ids/process.ts";
import type { UserNamespace } from "../../../oci/user-namespace.ts";
import type {
  ContainerAttach,
  ContainerExit,
  ContainerIo,
  ExecSession,
  KeptContainer,
  SandboxSetupResult,
  StartResult,
} from "../../port.ts";
import type { ProcessStreams } from "../../streams.ts";
import type { LaunchPlan } from "../plan/steps.ts";

/**
 * One pod's monitor as its client sees it: the process that is parent to the pod's containers and execs.
 *
 * The monitor lives in the pod's network, IPC and UTS namespaces (it unshares them in `setup`), outlives the daemon
 * and is found again through its socket. Every method has a deadline (`deadlines.ts`) and rejects with `unavailable` once the
 * connection has ended, which a missed deadline does. That says nothing of the monitor's life: it may be stopped, or busy.
 */
export interface Monitor {
  readonly sandboxId: SandboxId;
  readonly pid: Pid;
  /** What its executable is called; undefined for a monitor that is too old to tell. Changes with a renewal. */
  build: string | undefined;
  /** Resolves with the reason, once, when the connection ends and neither `disconnect` nor `shutdown` was called. */
  readonly lost: Promise<CribError>;

  /**
   * Makes the namespaces of a pod that is yet to come; `setup` must then ask for the same ones. A monitor that was not set
   * up ends with its connection.
   */
  unshare(flags: number): Promise<void>;
  setup(setup: MonitorSetup, deadlineMs?: number): Promise<SandboxSetupResult>;
  /**
   * Resolves when execve succeeded. A launch may hang in a step of its own (a file system that does not answer) while the
   * monitor is well: `giveUp` ends the wait, with its reason; what starts after that is killed.
   *
   * @throws {CribError} with the failed step; the monitor has then no such container.
   */
  start(request: StartRequest, giveUp?: AbortSignal): Promise<StartResult>;
  exec(request: ExecRequest, giveUp?: AbortSignal): Promise<MonitorExec>;
  /**
   * An exec on a connection of its own, for as long as a client is there.
   * @throws {CribError} resource-exhausted when the pod has too many live sessions; what `exec` throws.
   */
  openExec(request: ExecStreamsRequest): Promise<ProcessStreams>;
  /** Joins a running container's stdio, from now on. @throws {CribError} failed-precondition, resource-exhausted */
  attach(request: ContainerAttach): Promise<ProcessStreams>;
  /** Through the pidfd of the container's init or exec. A process that is gone is a success. */
  signal(target: ContainerId | ExecId, signal: number): Promise<void>;
  /** Everything the monitor has started and not been told to forget, with the exits it saw. */
  list(deadlineMs?: number): Promise<readonly KeptContainer[]>;
  reopenLog(id: ContainerId): Promise<void>;
  /** Drops an exited container's memory and exit record. */
  forget(id: ContainerId): Promise<void>;
  /**
   * Kills what is left, reaps it and ends the monitor. Resolves when the connection has ended: the monitor is then gone, or
   * deaf, which only its process tells. Idempotent.
   */
  shutdown(): Promise<void>;
  /** Leaves the monitor running and closes the connection (daemon stop). */
  disconnect(): void;
  onExit(listener: (exit: ContainerExit) => void): void;
}

export interface MonitorSetup {
  /** CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS as the pod asks. */
  readonly unshare: number;
  readonly hostname: string | undefined;
  /** Brings `lo` up in a network namespace of its own. */
  readonly loopback: boolean;
  /** A tiny init as PID 1 of a shared pid namespace (NamespaceMode POD). */
  readonly pidInit: boolean;
  /** Keys with `/` separators, already validated against the namespaces that are unshared. */
  readonly sysctls: readonly { readonly key: string; readonly value: string }[];
  /** The pod's own user namespace, which its other namespaces then belong to; undefined: the host's. */
  readonly userNamespace?: UserNamespace | undefined;
}

export interface StartRequest extends ContainerIo {
  readonly id: ContainerId;
  readonly plan: LaunchPlan;
  /** cgroup v2 memory.events or v1 memory.oom_control: read at exit to tell an OOM kill. */
  readonly oomFile: HostPath | undefined;
  /** How long the launch may take until execve: then its process is killed and `deadline-exceeded` the answer. */
  readonly timeoutMs?: number;
}

export interface ExecRequest {
  readonly id: ExecId;
  readonly containerId: ContainerId;
  readonly plan: LaunchPlan;
  readonly terminal: boolean;
  readonly stdin: boolean;
  /** As of a start. */
  readonly timeoutMs?: number;
}

/** Output of a stream that is not wanted is read and dropped. */
export interface ExecStreamsRequest extends ExecRequest {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A monitor alone kills no more than the command itself: what that forked is in its control group. */
export interface MonitorExec extends Omit<ExecSession, "kill"> {
  readonly pid: Pid;
}

/** Makes monitors and finds them again. `directory` is `<state>/pods/<sandbox id>`, 0700, made by the caller. */
export interface MonitorLauncher {
  /** What the executable of the monitors that are made here is called. */
  readonly build: string;
  /**
   * Has a monitor go on in the executable of those that are made here, under its running pod.
   * @throws {CribError} failed-precondition when it cannot or will not, and goes on as it was; unavailable, deadline-exceeded.
   */
  renew(monitor: Monitor, directory: HostPath): Promise<void>;
  launch(sandboxId: SandboxId, directory: HostPath): Promise<Monitor>;
  /** @throws {CribError} unavailable when nobody listens on the socket; data-loss when it is not the monitor expected. */
  reconnect(sandboxId: SandboxId, directory: HostPath): Promise<Monitor>;
  /** Exit records of a monitor that is gone, read from `directory`. */
  readExitRecords(directory: HostPath): readonly ContainerExit[];
}
