import { CribError, deadlineExceeded, internal } from "../../errors/crib-error.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import { waitChannel } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { cgroupOwner } from "../../oci/cgroup-owner.ts";
import { cgroupResourcesOfSpec } from "../../oci/resources/resources.ts";
import { deadlines } from "../../runtime/deadlines.ts";
import type { ContainerLaunch, SandboxHandle, StartResult } from "../../runtime/port.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { containerPaths } from "../host/container-paths.ts";
import { withPresentLayers } from "../host/image-volumes.ts";
import { logPathForMonitor } from "../host/real-log-directory.ts";
import { removeCgroupAside } from "../host/remove-cgroup.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { Start } from "../ledger/starts.ts";
import { noteToPlugins, tellContainerPlugins } from "../plugins/tell-plugins.ts";
import { pidNamespaceOf } from "../request/pid-namespace.ts";
import { restoreAppArmor } from "../request/resolve-apparmor.ts";
import { handleExit } from "./handle-exit.ts";

/** What kubelet and docker show for a container whose command could not be started. */
const startErrorExitCode = 128;
/** How long a start that is to end may take to say why it failed, once its processes are killed. */
const lastWordsMs = 1_500;

/**
 * Starts a created container: cgroup, launch plan, the monitor's clone. Returns when execve has succeeded.
 *
 * A failed start leaves the container exited with reason StartError and the failed step as message: that is what the
 * kubelet shows the pod's author. A start that hangs is ended by its deadline, by a stop or by a removal.
 */
export async function startContainer(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = getRecord("container", engine.containers, idOrPrefix);
  using _held = await engine.locks.acquire(found.id, { doing: "is being started", withinMs: deadlines.startMs });
  const record = engine.ledger.checkMove(found.id, "running");
  using start = engine.starts.begin(record.sandboxId, record.id);
  const monitor = await engine.monitors.reach(record.sandboxId);
  await restoreAppArmor(engine, record.spec.process.apparmorProfile);
  await tellContainerPlugins(engine, "start", record);
  await engine.turns.take();
  // A pod that ended, or a container that was removed, while this waited is not touched any more.
  const { sandboxId } = engine.ledger.checkMove(record.id, "running");
  const sandbox = getRecord("sandbox", engine.sandboxes, sandboxId);
  let started: StartResult;
  try {
    started = await launchInTime(engine, monitor, start, containerLaunch(engine, sandbox, record));
  } catch (error) {
    recordFailedStart(engine, record, error);
    throw error;
  }
  for (const warning of started.warnings)
    engine.log.warn({ container: record.id, warning }, "container started with less than asked");
  recordStart(engine, record, started);
  const running = engine.containers.get(record.id) ?? record;
  await noteToPlugins(engine, tellContainerPlugins(engine, "post-start", running));
}

/** Makes the container's control group. */
function containerLaunch(engine: PodEngine, sandbox: SandboxRecord, record: ContainerRecord): ContainerLaunch {
  const { id, cgroup, directory, config } = record;
  const spec = withPresentLayers(engine, record);
  const paths = containerPaths(directory);
  const { lowerDirs } = engine.images.acquireRootfs(record.imageId, id);
  engine.cgroups.create(cgroup, cgroupResourcesOfSpec(spec));
  const owner = cgroupOwner(spec, engine.hostFacts);
  if (owner !== undefined) engine.cgroups.delegate(cgroup, owner.uid, owner.gid);
  return {
    id,
    spec,
    rootfs: { lower: lowerDirs, upper: paths.upper, work: paths.work, attachAt: paths.rootfs },
    bundle: directory,
    cgroup,
    pidNamespace: pidNamespaceOf(engine, sandbox, record),
    io: {
      terminal: config.tty,
      stdin: config.stdin,
      stdinOnce: config.stdinOnce,
      logPath: logPathForMonitor(sandbox, record),
    },
  };
}

/**
 * The monitor's answer, or the reason for which the start was ended. Whatever ends it, the processes are killed first, and a
 * launch that can still say in which step it hung gets the time to do so.
 */
async function launchInTime(
  engine: PodEngine,
  monitor: SandboxHandle,
  start: Start,
  container: ContainerLaunch,
): Promise<StartResult> {
  const { id } = container;
  const over = new AbortController();
  const giveUp = new AbortController();
  void engine.clock.sleep(deadlines.startMs, over.signal).then((passed) => {
    if (passed) start.abort(deadlineExceeded(`container ${id} did not start within ${deadlines.startMs / 1000} s`));
  });
  const end = () => void endLaunch(engine, monitor, id, over.signal, giveUp, start.signal.reason as Error);
  start.signal.addEventListener("abort", end, { once: true });
  if (start.signal.aborted) end();
  try {
    return await monitor.start(container, giveUp.signal);
  } catch (error) {
    if (start.signal.aborted) throw start.signal.reason;
    throw error;
  } finally {
    over.abort();
    start.signal.removeEventListener("abort", end);
  }
}

async function endLaunch(
  engine: PodEngine,
  monitor: SandboxHandle,
  id: ContainerId,
  over: AbortSignal,
  giveUp: AbortController,
  reason: Error,
): Promise<void> {
  const record = engine.containers.get(id);
  const pid = record === undefined ? undefined : engine.cgroups.pids(record.cgroup)[0];
  monitor.signal(id, SIGKILL).catch((error: unknown) => {
    engine.log.warn({ container: id, error: String(error) }, "its monitor cannot be asked to end the start");
  });
  if (record !== undefined) engine.cgroups.kill(record.cgroup);
  if (!(await engine.clock.sleep(lastWordsMs, over))) return;
  engine.log.warn(
    { container: id, pid, waitsIn: waitChannel(pid as Parameters<typeof waitChannel>[0]) },
    "start given up: its process does not die",
  );
  giveUp.abort(reason);
}

function recordStart(engine: PodEngine, record: ContainerRecord, started: StartResult): void {
  const startTime = engine.kernel.processStartTime(started.pid) ?? 0n;
  const process = { pid: started.pid, startTime };
  try {
    engine.ledger.moveContainer(record.id, "running", { startedAtNs: started.startedAtNs, process });
  } catch (error) {
    // The pod has ended meanwhile: what came too late must not outlive it.
    engine.cgroups.kill(record.cgroup);
    throw error;
  }
  const early = engine.earlyExits.get(record.id);
  engine.earlyExits.delete(record.id);
  if (early !== undefined) handleExit(engine, early);
}

function recordFailedStart(engine: PodEngine, { id, cgroup }: ContainerRecord, error: unknown): void {
  const failure = error instanceof CribError ? error : internal(String(error), error);
  // Of a monitor that was lost on the way nobody knows how far it came.
  engine.cgroups.kill(cgroup);
  engine.earlyExits.delete(id);
  const now = engine.clock.now();
  if (engine.containers.get(id)?.state === "created") {
    engine.ledger.moveContainer(id, "exited", {
      startedAtNs: now,
      finishedAtNs: now,
      exitCode: startErrorExitCode,
      reason: "StartError",
      message: failure.message,
    });
  }
  removeCgroupAside(engine, cgroup);
}
