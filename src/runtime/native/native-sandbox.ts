import type { CribError } from "../../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import type {
  ContainerAttach,
  ContainerExit,
  ContainerLaunch,
  ExecLaunch,
  ExecSession,
  ExecStreamsLaunch,
  KeeperBuild,
  KeptContainer,
  SandboxHandle,
  StartResult,
} from "../port.ts";
import type { ProcessStreams } from "../streams.ts";
import type { ExecRequest, Monitor, StartRequest } from "./monitor/port.ts";
import type { NativeTools } from "./native-tools.ts";
import { knowsNoCopies, withoutCopies } from "./older-monitor.ts";
import { compileContainerPlan } from "./plan/compile-container.ts";
import { compileExecPlan } from "./plan/compile-exec.ts";
import { removeExecGroup } from "./remove-exec-group.ts";

/** A pod of crib's own runtime: each request becomes a launch plan, which the pod's monitor carries out. */
export class NativeSandbox implements SandboxHandle {
  readonly sandboxId: SandboxId;
  readonly pid: Pid;
  readonly lost: Promise<CribError>;
  readonly monitor: Monitor;
  readonly #tools: NativeTools;

  constructor(monitor: Monitor, tools: NativeTools) {
    this.sandboxId = monitor.sandboxId;
    this.pid = monitor.pid;
    this.lost = monitor.lost;
    this.monitor = monitor;
    this.#tools = tools;
  }

  get keeperBuild(): KeeperBuild {
    return { build: this.monitor.build, newest: this.#tools.launcher.build };
  }

  async renewKeeper(directory: HostPath): Promise<void> {
    await this.#tools.launcher.renew(this.monitor, directory);
  }

  async start(container: ContainerLaunch, giveUp?: AbortSignal): Promise<StartResult> {
    try {
      return await this.monitor.start(this.#startRequest(container), giveUp);
    } catch (error) {
      if (!knowsNoCopies(error)) throw error;
      this.#tools.log.info(
        { container: container.id },
        "volumes of its image are parts of its root: the pod's monitor is older",
      );
      const spec = withoutCopies(container.spec);
      return await this.monitor.start(this.#startRequest({ ...container, spec }), giveUp);
    }
  }

  async exec(command: ExecLaunch, giveUp?: AbortSignal): Promise<ExecSession> {
    const group = this.#execGroup(command);
    const onGiveUp = () => group.kill();
    giveUp?.addEventListener("abort", onGiveUp, { once: true });
    try {
      const session = await this.monitor.exec(this.#execRequest(command), giveUp);
      void session.exited.then(group.remove, group.remove);
      return {
        onOutput: (listener) => session.onOutput(listener),
        mute: (stream) => session.mute(stream),
        exited: session.exited,
        drained: session.drained,
        kill: group.kill,
        abandon: () => {
          session.abandon();
          group.remove();
        },
      };
    } catch (error) {
      group.remove();
      throw error;
    } finally {
      giveUp?.removeEventListener("abort", onGiveUp);
    }
  }

  /** Its control group goes when the session ends. */
  async openExec(command: ExecStreamsLaunch): Promise<ProcessStreams> {
    const group = this.#execGroup(command);
    const { stdout, stderr } = command;
    try {
      const session = await this.monitor.openExec({ ...this.#execRequest(command), stdout, stderr });
      void session.exited.then(group.remove, () => {
        group.kill();
        group.remove();
      });
      return session;
    } catch (error) {
      group.remove();
      throw error;
    }
  }

  attach(request: ContainerAttach): Promise<ProcessStreams> {
    return this.monitor.attach(request);
  }

  signal(id: ContainerId, signal: number): Promise<void> {
    return this.monitor.signal(id, signal);
  }

  list(deadlineMs?: number): Promise<readonly KeptContainer[]> {
    return this.monitor.list(deadlineMs);
  }

  reopenLog(id: ContainerId): Promise<void> {
    return this.monitor.reopenLog(id);
  }

  forget(id: ContainerId): Promise<void> {
    return this.monitor.forget(id);
  }

  shutdown(): Promise<void> {
    return this.monitor.shutdown();
  }

  disconnect(): void {
    this.monitor.disconnect();
  }

  onExit(listener: (exit: ContainerExit) => void): void {
    this.monitor.onExit(listener);
  }

  #startRequest({ id, spec, rootfs, bundle, cgroup, pidNamespace, io }: ContainerLaunch): StartRequest {
    const { cgroups, seccomp } = this.#tools;
    const plan = compileContainerPlan({
      spec,
      rootfs,
      procsFiles: cgroups.procsFiles(cgroup),
      cgroupMounts: cgroups.containerMounts,
      seccompProgram: seccomp.program(spec.linux.seccomp),
      pidNamespace,
      bundle: { id, directory: bundle },
    });
    return { ...io, id, plan, oomFile: cgroups.oomFile(cgroup) };
  }

  /** Makes the command's control group. */
  #execRequest({ id, container, process, stdin, timeoutMs }: ExecLaunch): ExecRequest {
    const { cgroups, seccomp } = this.#tools;
    const plan = compileExecPlan({
      spec: container.spec,
      process,
      targetPid: container.process.pid,
      procsFiles: cgroups.createExec(container.cgroup, id),
      seccompProgram: seccomp.program(container.spec.linux.seccomp),
    });
    const { terminal } = process;
    return { id, containerId: container.id, plan, terminal, stdin, ...(timeoutMs !== undefined && { timeoutMs }) };
  }

  /** The command and all it forked; both calls may be repeated. */
  #execGroup({ id, container }: ExecLaunch): { kill(): void; remove(): void } {
    const { cgroups } = this.#tools;
    let removed = false;
    return {
      kill: () => cgroups.killExec(container.cgroup, id),
      remove: () => {
        if (removed) return;
        removed = true;
        removeExecGroup(this.#tools, container.cgroup, id);
      },
    };
  }
}
