import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { alreadyExists, type CribError } from "../../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { RuntimeSpec, SpecProcess } from "../../oci/runtime-spec.ts";
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
  RuntimeCgroups,
  SandboxHandle,
  StartResult,
} from "../port.ts";
import type { ProcessStreams } from "../streams.ts";
import { ociDocument, ociProcess } from "./oci-document.ts";
import { containerPlan, execPlan, type RuntimeCall } from "./oci-plan.ts";
import { runtimeFailure } from "./runtime-log.ts";

/** The program behind a handler. */
export interface OciCommand {
  /** Of the handler, for messages. */
  readonly name: string;
  readonly path: HostPath;
  readonly args: readonly string[];
  /** What the kernel lets no process of ours go below; undefined: there is no such bound. */
  readonly leastOomScore: number | undefined;
  readonly cgroups: Pick<RuntimeCgroups, "oomFile">;
}

/**
 * A pod whose containers another runtime makes: the pod's monitor has it called, is the parent of what it leaves, and keeps stdio,
 * logs and exits as for crib's own. The runtime's state lies in the pod's directory and goes with it.
 */
export class OciSandbox implements SandboxHandle {
  readonly sandboxId: SandboxId;
  readonly pid: Pid;
  readonly lost: Promise<CribError>;
  readonly #native: NativeSandbox;
  readonly #command: OciCommand;
  readonly #directory: HostPath;

  constructor(native: NativeSandbox, command: OciCommand, podDirectory: HostPath) {
    this.sandboxId = native.sandboxId;
    this.pid = native.pid;
    this.lost = native.lost;
    this.#native = native;
    this.#command = command;
    this.#directory = joinHostPath(podDirectory, "oci");
  }

  async start(container: ContainerLaunch, giveUp?: AbortSignal): Promise<StartResult> {
    const { id, spec, rootfs, cgroup, pidNamespace, io } = container;
    const bundle = this.#bundle(id);
    // What runs there must keep its files.
    if (existsSync(bundle)) throw alreadyExists("container", id);
    const log = joinHostPath(bundle, "log");
    const { leastOomScore, cgroups, name } = this.#command;
    this.#writeBundle(bundle, ociDocument({ spec, rootfs: rootfs.attachAt, pidNamespace, leastOomScore }));
    const call: RuntimeCall = {
      directory: bundle,
      create: this.#argv(log, ["create", "--bundle", bundle, ...terminalAndPid(io.terminal), id]),
      start: this.#argv(log, ["start", id]),
      pidFile,
      terminal: io.terminal,
    };
    const plan = containerPlan(spec, rootfs, call);
    try {
      return await this.#native.monitor.start({ ...io, id, plan, oomFile: cgroups.oomFile(cgroup) }, giveUp);
    } catch (error) {
      const failure = runtimeFailure(error, name, log);
      this.#drop(id);
      throw failure;
    }
  }

  async exec(command: ExecLaunch, giveUp?: AbortSignal): Promise<ExecSession> {
    const { monitor } = this.#native;
    return await this.#withCall(command, async (request, over) => {
      const session = await monitor.exec(request, giveUp);
      // One that ends meanwhile, or a monitor that is gone, has nothing left to kill.
      const kill = () => void monitor.signal(command.id, SIGKILL).catch(() => undefined);
      return sessionUntilOver(session, kill, over);
    });
  }

  async openExec(command: ExecStreamsLaunch): Promise<ProcessStreams> {
    const { stdout, stderr } = command;
    return await this.#withCall(command, async (request, over) => {
      const session = await this.#native.monitor.openExec({ ...request, stdout, stderr });
      void session.exited.then(over, over);
      return session;
    });
  }

  attach(request: ContainerAttach): Promise<ProcessStreams> {
    return this.#native.attach(request);
  }

  signal(id: ContainerId, signal: number): Promise<void> {
    return this.#native.signal(id, signal);
  }

  list(deadlineMs?: number): Promise<readonly KeptContainer[]> {
    return this.#native.list(deadlineMs);
  }

  reopenLog(id: ContainerId): Promise<void> {
    return this.#native.reopenLog(id);
  }

  async forget(id: ContainerId): Promise<void> {
    await this.#native.forget(id);
    this.#drop(id);
  }

  shutdown(): Promise<void> {
    return this.#native.shutdown();
  }

  disconnect(): void {
    this.#native.disconnect();
  }

  onExit(listener: (exit: ContainerExit) => void): void {
    this.#native.onExit(listener);
  }

  #bundle(id: ContainerId): HostPath {
    return joinHostPath(this.#directory, "bundles", id);
  }

  #argv(log: HostPath, verb: readonly string[]): readonly string[] {
    const { path, args } = this.#command;
    return [path, ...args, "--root", this.#stateDirectory(), "--log", log, "--log-format", "json", ...verb];
  }

  #stateDirectory(): HostPath {
    return joinHostPath(this.#directory, "state");
  }

  #writeBundle(bundle: HostPath, document: RuntimeSpec): void {
    mkdirSync(this.#stateDirectory(), { recursive: true, mode: 0o700 });
    mkdirSync(bundle, { recursive: true, mode: 0o700 });
    writeFileSync(joinHostPath(bundle, "config.json"), specJson(document), { mode: 0o600 });
  }

  /** What the runtime would delete: its processes have ended, its control group is the pod's to remove. */
  #drop(id: ContainerId): void {
    rmSync(this.#bundle(id), { recursive: true, force: true });
    rmSync(joinHostPath(this.#stateDirectory(), id), { recursive: true, force: true });
  }

  /** `work` says when the command is over: then its files go. */
  async #withCall<Result>(
    command: ExecLaunch,
    work: (request: ExecRequest, over: () => void) => Promise<Result>,
  ): Promise<Result> {
    const { id, container, process, stdin, timeoutMs } = command;
    const directory = joinHostPath(this.#directory, "execs", id);
    const log = joinHostPath(directory, "log");
    const over = () => rmSync(directory, { recursive: true, force: true });
    const plan = execPlan(this.#execCall(container.id, process, directory, log));
    const { terminal } = process;
    const request = { id, containerId: container.id, plan, terminal, stdin };
    try {
      return await work({ ...request, ...(timeoutMs !== undefined && { timeoutMs }) }, over);
    } catch (error) {
      const failure = runtimeFailure(error, this.#command.name, log);
      over();
      throw failure;
    }
  }

  #execCall(container: ContainerId, process: SpecProcess, directory: HostPath, log: HostPath): RuntimeCall {
    const { terminal } = process;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const document = joinHostPath(directory, "process.json");
    writeFileSync(document, specJson(ociProcess(process, this.#command.leastOomScore)), { mode: 0o600 });
    const verb = ["exec", "--detach", "--process", document, ...terminalAndPid(terminal), container];
    return { directory, create: this.#argv(log, verb), start: [], pidFile, terminal };
  }
}

/** Both lie where the runtime is run. */
const pidFile = "pid";

function terminalAndPid(terminal: boolean): readonly string[] {
  return ["--pid-file", pidFile, ...(terminal ? ["--console-socket", "console.sock"] : [])];
}
