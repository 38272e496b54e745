import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ContainerId,
  type ExecId,
  newContainerId,
  newExecId,
  newSandboxId,
  type SandboxId,
} from "../../src/ids/object-id.ts";
import { type HostPath, parseHostPath } from "../../src/ids/path.ts";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from "../../src/kernel/clone-flags.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import type { Kernel } from "../../src/kernel/port.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { MonitorError } from "../../src/runtime/native/monitor/launch-failure.ts";
import { createMonitorLauncher } from "../../src/runtime/native/monitor/launcher.ts";
import { monitorBuildOf } from "../../src/runtime/native/monitor/monitor-build.ts";
import type {
  ExecStreamsRequest,
  Monitor,
  MonitorExec,
  MonitorLauncher,
  StartRequest,
} from "../../src/runtime/native/monitor/port.ts";
import type { ContainerExit, StartResult } from "../../src/runtime/port.ts";
import type { ProcessStreams } from "../../src/runtime/streams.ts";
import {
  type ContainerPlanOptions,
  containerPlan,
  execPlan,
  makeRootDirectories,
  type RootDirectories,
} from "../fixtures/launch-plans.ts";
import { waitUntil } from "./wait-until.ts";
import { openWorkspace } from "./workspace.ts";

export type ProcessOptions = Omit<ContainerPlanOptions, "root">;

export interface Pod {
  readonly id: SandboxId;
  readonly directory: HostPath;
  readonly monitor: Monitor;
  readonly exits: ContainerExit[];
}

export interface Started extends StartResult {
  readonly id: ContainerId;
  readonly logPath: HostPath;
  /** Its writable layer on the host. */
  readonly upper: HostPath;
  log(): string;
  lines(): readonly LogLine[];
  exit(): Promise<ContainerExit>;
}

export interface Executed {
  readonly id: ExecId;
  readonly session: MonitorExec;
  readonly output: { stdout: string; stderr: string };
}

export interface OpenExec {
  readonly id: ExecId;
  readonly streams: ProcessStreams;
}

/** Real monitors with real containers and nothing of the daemon but its client. Needs root. */
export interface MonitorBed {
  readonly kernel: Kernel;
  readonly launcher: MonitorLauncher;
  readonly path: string;
  /** The root all containers share unless told otherwise: busybox and /hello. */
  readonly root: RootDirectories;
  /** Ended by `shutdownAll`, as is every monitor that is given to it. */
  readonly live: Monitor[];
  /** `prepare` is called with the pod's directory before its monitor is started. */
  openPod(options?: { readonly pidInit?: boolean; readonly prepare?: (directory: HostPath) => void }): Promise<Pod>;
  start(pod: Pod, plan: ProcessOptions, request?: Partial<StartRequest>): Promise<Started>;
  exec(pod: Pod, container: Started, plan: ProcessOptions, stdin?: boolean): Promise<Executed>;
  /** An exec on a connection of its own; nothing listens to its output yet. */
  openExec(
    pod: Pod,
    container: Started,
    plan: ProcessOptions,
    request?: Partial<ExecStreamsRequest>,
  ): Promise<OpenExec>;
  shutdownAll(): Promise<void>;
  remove(): void;
}

/** `monitor`: another program than the one that was built; `monitorBuild`: what it calls itself once it is a monitor. */
export function openMonitorBed(
  monitor: Uint8Array = readArtifact("crib-monitor"),
  monitorBuild: string = monitorBuildOf(monitor),
): MonitorBed {
  const kernel = createLinuxKernel();
  const monitorExecutable = kernel.sealedMemfd("crib-monitor", monitor);
  const launcher = createMonitorLauncher({
    kernel,
    monitorExecutable,
    monitorBuild,
    clock: createSystemClock(),
  });
  const workspace = openWorkspace("monitor");
  const root = makeRootDirectories(join(workspace.path, "root"), { hello: readArtifact("hello") });
  const live: Monitor[] = [];
  return {
    kernel,
    launcher,
    path: workspace.path,
    root,
    live,
    async openPod(options = {}) {
      const id = newSandboxId();
      const directory = parseHostPath(join(workspace.path, id));
      mkdirSync(directory, { mode: 0o700 });
      options.prepare?.(directory);
      const monitor = await launcher.launch(id, directory);
      live.push(monitor);
      const exits: ContainerExit[] = [];
      monitor.onExit((exit) => exits.push(exit));
      await monitor.setup({
        unshare: CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
        hostname: "pod-under-test",
        loopback: true,
        pidInit: options.pidInit ?? false,
        sysctls: [],
      });
      return { id, directory, monitor, exits };
    },
    start: (pod, plan, request = {}) => startContainer(pod, root, plan, request),
    async exec(pod, container, plan, stdin = false) {
      const id = newExecId();
      const terminal = plan.terminal ?? false;
      const session = await pod.monitor.exec({
        id,
        containerId: container.id,
        plan: execPlan(container.pid, plan),
        terminal,
        stdin,
      });
      return { id, session, output: collect(session) };
    },
    async openExec(pod, container, plan, request = {}) {
      const id = newExecId();
      const streams = await pod.monitor.openExec({
        id,
        containerId: container.id,
        plan: execPlan(container.pid, plan),
        terminal: plan.terminal ?? false,
        stdin: false,
        stdout: true,
        stderr: true,
        ...request,
      });
      return { id, streams };
    },
    async shutdownAll() {
      for (const monitor of live.splice(0)) await monitor.shutdown();
    },
    remove: () => workspace.remove(),
  };
}

async function startContainer(
  pod: Pod,
  root: RootDirectories,
  options: ProcessOptions,
  request: Partial<StartRequest>,
): Promise<Started> {
  const id = request.id ?? newContainerId();
  const upper = parseHostPath(join(pod.directory, `${id}.upper`));
  const work = parseHostPath(join(pod.directory, `${id}.work`));
  for (const directory of [upper, work]) mkdirSync(directory, { recursive: true });
  const logPath = request.logPath ?? parseHostPath(join(pod.directory, `${id}.log`));
  const result = await pod.monitor.start({
    id,
    plan: containerPlan({ root: { ...root, upper, work }, ...options }),
    terminal: options.terminal ?? false,
    stdin: false,
    stdinOnce: false,
    oomFile: undefined,
    ...request,
    logPath,
  });
  const log = () => readFileSync(logPath, "utf8");
  return {
    ...result,
    id,
    logPath,
    upper,
    log,
    lines: () => parseLog(log()),
    exit: () => waitUntil(() => pod.exits.find((exit) => exit.id === id), { what: `exit of ${id}` }),
  };
}

/** What comes out, as text of single bytes. */
export function collect(session: Pick<ProcessStreams, "onOutput">): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  session.onOutput((stream, bytes) => {
    output[stream] += Buffer.from(bytes).toString("latin1");
  });
  return output;
}

/** A shell inside the container; its applets are called through busybox. */
export function sh(script: string): readonly string[] {
  return ["busybox", "sh", "-c", script];
}

export interface LogLine {
  readonly time: string;
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

/** Every line must be a whole one of the CRI's format. */
export function parseLog(text: string): readonly LogLine[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)$/s.exec(line);
      if (match === null) throw new Error(`not a CRI log line: ${JSON.stringify(line.slice(0, 120))}`);
      const [, time = "", stream = "", tag = "", rest = ""] = match;
      return { time, stream, tag, text: rest };
    });
}

/** What the monitor said was wrong with `work`, which must fail. */
export async function monitorErrorOf(work: Promise<unknown>): Promise<MonitorError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MonitorError) return error;
    throw error;
  }
  throw new Error("expected a MonitorError");
}
