import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { alreadyExists, type CribError, failedPrecondition, unavailable } from "../../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { hasEnded } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { specJson } from "../../oci/spec-json.ts";
import type { ExecRequest } from "../native/monitor/port.ts";
import type { NativeSandbox } from "../native/native-sandbox.ts";
import { sessionUntilOver } from "../native/session-until-over.ts";
import type {
  ContainerAttach,
  ContainerExit,
  ContainerLaunch,
  ExecLaunch,
  ExecSession,
  ExecStreamsLaunch,
  KeptContainer,
  SandboxHandle,
  StartResult,
} from "../port.ts";
import type { ProcessStreams } from "../streams.ts";
import { bootShim } from "./boot-shim.ts";
import { cleanUp } from "./end-shim.ts";
import { bundleDirectory, bundlesOf, sandboxContainerId, shimProcessId } from "./shim-directory.ts";
import { namespacesOf, shimDocument } from "./shim-document.ts";
import { shimFailure } from "./shim-failure.ts";
import { errorFile, shimCommandPlan, shimContainerPlan } from "./shim-plan.ts";
import type { ShimRecord } from "./shim-record.ts";
import { ShimTasks } from "./shim-tasks.ts";
import type { ShimTools } from "./shim-tools.ts";
import { commandRequests, containerRequests } from "./task-request.ts";

/** How long a container that was killed has to tell so by itself, before the process that stands for it is killed too. */
const ownExitMs = 200;

/**
 * A pod whose containers a shim makes. Each has a process of crib's in its place, a child of the pod's monitor, which has the
 * stdio, waits for the exit and ends with its code: logs, attachments and exits are kept as for crib's own containers.
 */
export class ShimSandbox implements SandboxHandle {
  readonly sandboxId: SandboxId;
  readonly pid: Pid;
  readonly lost: Promise<CribError>;
  readonly #native: NativeSandbox;
  readonly #tools: ShimTools;
  readonly #directory: HostPath;
  readonly #tasks: ShimTasks;
  readonly #hidden: ReadonlySet<string>;
  readonly #listeners: ((exit: ContainerExit) => void)[] = [];
  readonly #starting = new Set<string>();
  readonly #exitWaits = new Map<string, () => void>();
  #booting: Promise<ShimRecord> | undefined;
  #ending = false;

  constructor(native: NativeSandbox, tools: ShimTools, podDirectory: HostPath) {
    this.sandboxId = native.sandboxId;
    this.pid = native.pid;
    this.lost = native.lost;
    this.#native = native;
    this.#tools = tools;
    this.#directory = podDirectory;
    this.#tasks = new ShimTasks(tools, podDirectory);
    this.#hidden = new Set([shimProcessId(this.sandboxId), sandboxContainerId(this.sandboxId)]);
    native.onExit((exit) => this.#heard(exit));
  }

  async start(container: ContainerLaunch, giveUp?: AbortSignal): Promise<StartResult> {
    const { id, pidNamespace, io } = container;
    if (pidNamespace.kind === "process") {
      throw failedPrecondition(`container ${id}: a shim's containers cannot join another's pid namespace`);
    }
    const bundle = bundleDirectory(this.#directory, id);
    // What runs there must keep its files.
    if (existsSync(bundle)) throw alreadyExists("container", id);
    this.#starting.add(id);
    try {
      const shim = await this.#reach(container);
      const plan = this.#containerPlan(container, bundle, shim);
      const oomFile = this.#tools.cgroups.oomFile(container.cgroup);
      return await this.#native.monitor.start({ ...io, id, plan, oomFile }, giveUp);
    } catch (error) {
      const failure = shimFailure(error, this.#tools.command.name, bundle, errorFile);
      await this.#tasks.delete(id);
      rmSync(bundle, { recursive: true, force: true });
      throw failure;
    } finally {
      this.#starting.delete(id);
    }
  }

  async exec(command: ExecLaunch, giveUp?: AbortSignal): Promise<ExecSession> {
    return await this.#withCommand(command, async (request, over) => {
      const session = await this.#native.monitor.exec(request, giveUp);
      return sessionUntilOver(session, () => void this.#killCommand(command), over);
    });
  }

  async openExec(command: ExecStreamsLaunch): Promise<ProcessStreams> {
    const { stdout, stderr } = command;
    return await this.#withCommand(command, async (request, over) => {
      const streams = await this.#native.monitor.openExec({ ...request, stdout, stderr });
      let ended = false;
      void streams.exited.then(
        () => {
          ended = true;
          over();
        },
        () => void this.#killCommand(command).finally(over),
      );
      return {
        onOutput: (listener) => streams.onOutput(listener),
        pause: () => streams.pause(),
        resume: () => streams.resume(),
        writeStdin: (bytes, headroomBytes) => streams.writeStdin(bytes, headroomBytes),
        closeStdin: () => streams.closeStdin(),
        resize: (columns, rows) => streams.resize(columns, rows),
        exited: streams.exited,
        drained: streams.drained,
        [Symbol.dispose]: () => {
          // The process that stands for the command is killed with the session, which the shim would not hear of.
          if (!ended) void this.#killCommand(command);
          streams[Symbol.dispose]();
        },
      };
    });
  }

  attach(request: ContainerAttach): Promise<ProcessStreams> {
    return this.#native.attach(request);
  }

  async signal(id: ContainerId, signal: number): Promise<void> {
    if (signal !== SIGKILL) {
      await this.#tasks.kill(id, "", signal);
      return;
    }
    const exited = this.#nextExit(id);
    try {
      await this.#tasks.kill(id, "", signal);
    } catch (error) {
      this.#tools.log.warn({ container: id, error: String(error) }, "its shim cannot be asked to kill it");
      await this.#native.signal(id, SIGKILL);
      return;
    }
    if (this.#starting.has(id)) await this.#native.signal(id, SIGKILL);
    else await exited;
  }

  async list(deadlineMs?: number): Promise<readonly KeptContainer[]> {
    return (await this.#native.list(deadlineMs)).filter(({ id }) => !this.#hidden.has(id));
  }

  reopenLog(id: ContainerId): Promise<void> {
    return this.#native.reopenLog(id);
  }

  async forget(id: ContainerId): Promise<void> {
    await this.#tasks.delete(id);
    await this.#native.forget(id);
    rmSync(bundleDirectory(this.#directory, id), { recursive: true, force: true });
  }

  shutdown(): Promise<void> {
    return this.#native.shutdown();
  }

  disconnect(): void {
    this.#native.disconnect();
  }

  onExit(listener: (exit: ContainerExit) => void): void {
    this.#listeners.push(listener);
  }

  /** From now on its shim's end is nothing to tell or to clean up after. */
  expectEnd(): void {
    this.#ending = true;
  }

  #heard(exit: ContainerExit): void {
    if (exit.id === shimProcessId(this.sandboxId) && !this.#ending) void this.#shimGone();
    if (this.#hidden.has(exit.id)) return;
    this.#exitWaits.get(exit.id)?.();
    const oomKilled = this.#tools.events.takeOutOfMemory(exit.id) || exit.oomKilled;
    for (const listener of this.#listeners) listener({ ...exit, oomKilled });
  }

  /** The processes that stand for its containers have seen the connection end; what they stood for is the shim's program to end. */
  async #shimGone(): Promise<void> {
    const bundles = bundlesOf(this.#directory, this.sandboxId);
    this.#tools.log.warn({ sandbox: this.sandboxId, containers: bundles.length }, "the pod's shim has ended");
    await cleanUp(this.#tools, this.#directory, bundles);
  }

  /** The shim, started for the pod's first container. @throws {CribError} unavailable when it has ended. */
  async #reach(container: ContainerLaunch): Promise<ShimRecord> {
    this.#booting ??= bootShim(this.#tools, this.#native, this.#directory, container);
    let record: ShimRecord;
    try {
      record = await this.#booting;
    } catch (error) {
      this.#booting = undefined;
      throw error;
    }
    if (hasEnded(this.#tools.kernel, record.process)) {
      throw unavailable(`the shim of pod ${this.sandboxId} has ended: no container can be started in it any more`);
    }
    return record;
  }

  #containerPlan({ id, spec, rootfs, pidNamespace, io }: ContainerLaunch, bundle: HostPath, shim: ShimRecord) {
    const { command } = this.#tools;
    const pod = namespacesOf(this.pid);
    const { leastOomScore } = command;
    const document = shimDocument({
      sandbox: this.sandboxId,
      spec,
      rootfs: rootfs.attachAt,
      pod,
      pidNamespace,
      leastOomScore,
    });
    mkdirSync(bundle, { recursive: true, mode: 0o700 });
    writeFileSync(joinHostPath(bundle, "config.json"), specJson(document), { mode: 0o600 });
    const requests = containerRequests(shim.version, { id, bundle, ...io, options: command.options });
    return shimContainerPlan(spec, rootfs, { directory: bundle, socket: shim.socket, requests }, shim.process.pid);
  }

  /** `work` says when the command is over: then its files go. */
  async #withCommand<Result>(
    command: ExecLaunch,
    work: (request: ExecRequest, over: () => void) => Promise<Result>,
  ): Promise<Result> {
    const { id, container, process, stdin, timeoutMs } = command;
    const shim = this.#tasks.shim();
    const directory = joinHostPath(bundleDirectory(this.#directory, container.id), "execs", id);
    const over = () => rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const requests = commandRequests(shim.version, command, directory, this.#tools.command.leastOomScore);
    const plan = shimCommandPlan({ directory, socket: shim.socket, requests }, directory);
    const request = { id, containerId: container.id, plan, terminal: process.terminal, stdin };
    try {
      return await work({ ...request, ...(timeoutMs !== undefined && { timeoutMs }) }, over);
    } catch (error) {
      const failure = shimFailure(error, this.#tools.command.name, directory, errorFile);
      await this.#killCommand(command);
      over();
      throw failure;
    }
  }

  /** The command ends by the shim, or at least the process that stands for it. */
  async #killCommand({ id, container }: ExecLaunch): Promise<void> {
    try {
      await this.#tasks.kill(container.id, id, SIGKILL);
    } catch (error) {
      this.#tools.log.warn({ exec: id, error: String(error) }, "its shim cannot be asked to kill a command");
      // One that ends meanwhile, or a monitor that is gone, has nothing left to kill.
      await this.#native.monitor.signal(id, SIGKILL).catch(() => undefined);
    }
  }

  /** Resolves when the container's exit is told, or it takes too long. */
  async #nextExit(id: ContainerId): Promise<void> {
    const heard = Promise.withResolvers<void>();
    const over = new AbortController();
    this.#exitWaits.set(id, heard.resolve);
    try {
      await Promise.race([heard.promise, this.#tools.clock.sleep(ownExitMs, over.signal)]);
    } finally {
      over.abort();
      this.#exitWaits.delete(id);
    }
  }
}
