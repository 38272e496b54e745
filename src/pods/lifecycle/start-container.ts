import { CribError, deadlineExceeded, internal } from "../../errors/crib-error.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { cgroupOwner } from "../../oci/cgroup-owner.ts";
import { cgroupResourcesOfSpec } from "../../oci/resources.ts";
import { deadlines } from "../../runtime/native/monitor/deadlines.ts";
import type { Monitor, StartRequest, StartResult } from "../../runtime/native/monitor/port.ts";
import { compileContainerPlan } from "../../runtime/native/plan/compile-container.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { containerPaths } from "../host/container-paths.ts";
import { waitChannel } from "../host/process-ref.ts";
import { logPathForMonitor } from "../host/real-log-directory.ts";
import { removeCgroupAside } from "../host/remove-cgroup.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { Start } from "../ledger/starts.ts";
import { pidNamespaceOf } from "../request/pid-namespace.ts";
import { restoreAppArmor } from "../request/resolve-apparmor.ts";
import { handleExit } from "./handle-exit.ts";
import { knowsNoCopies, withoutCopies } from "./older-monitor.ts";

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
  await engine.turns.take();
  // A pod that ended, or a container that was removed, while this waited is not touched any more.
  const { sandboxId } = engine.ledger.checkMove(record.id, "running");
  const sandbox = getRecord("sandbox", engine.sandboxes, sandboxId);
  let started: StartResult;
  try {
    started = await launchAsKnown(engine, monitor, start, (as) => launchRequest(engine, sandbox, as), record);
  } catch (error) {
    recordFailedStart(engine, record, error);
    throw error;
  }
  for (const warning of started.warnings)
    engine.log.warn({ container: record.id, warning }, "container started with less than asked");
  recordStart(engine, record, started);
}

async function launchAsKnown(
  engine: PodEngine,
  monitor: Monitor,
  start: Start,
  requestOf: (record: ContainerRecord) => () => StartRequest,
  record: ContainerRecord,
): Promise<StartResult> {
  try {
    return await launchInTime(engine, monitor, start, requestOf(record));
  } catch (error) {
    if (!knowsNoCopies(error)) throw error;
    engine.log.info({ container: record.id }, "volumes of its image are parts of its root: the pod's monitor is older");
    return await launchInTime(engine, monitor, start, requestOf(withoutCopies(record)));
  }
}

function launchRequest(engine: PodEngine, sandbox: SandboxRecord, record: ContainerRecord): () => StartRequest {
  return () => {
    const paths = containerPaths(record.directory);
    const { lowerDirs } = engine.images.acquireRootfs(record.imageId, record.id);
    engine.cgroups.create(record.cgroup, cgroupResourcesOfSpec(record.spec));
    const owner = cgroupOwner(record.spec, engine.hostFacts);
    if (owner !== undefined) engine.cgroups.delegate(record.cgroup, owner.uid, owner.gid);
    const plan = compileContainerPlan({
      spec: record.spec,
      rootfs: { lower: lowerDirs, upper: paths.upper, work: paths.work, attachAt: paths.rootfs },
      procsFiles: engine.cgroups.procsFiles(record.cgroup),
      cgroupMounts: engine.cgroups.containerMounts,
      seccompProgram: engine.seccomp.program(record.spec.linux.seccomp),
      pidNamespace: pidNamespaceOf(engine, sandbox, record),
      bundle: { id: record.id, directory: record.directory },
    });
    return {
      id: record.id,
      plan,
      terminal: record.config.tty,
      stdin: record.config.stdin,
      stdinOnce: record.config.stdinOnce,
      logPath: logPathForMonitor(sandbox, record),
      oomFile: engine.cgroups.oomFile(record.cgroup),
    };
  };
}

/**
 * The monitor's answer, or the reason for which the start was ended. Whatever ends it, the processes are killed first, and a
 * launch that can still say in which step it hung gets the time to do so.
 */
async function launchInTime(
  engine: PodEngine,
  monitor: Monitor,
  start: Start,
  request: () => StartRequest,
): Promise<StartResult> {
  const asked = request();
  const { id } = asked;
  const over = new AbortController();
  const giveUp = new AbortController();
  void engine.clock.sleep(deadlines.startMs, over.signal).then((passed) => {
    if (passed) start.abort(deadlineExceeded(`container ${id} did not start within ${deadlines.startMs / 1000} s`));
  });
  const end = () => void endLaunch(engine, monitor, id, over.signal, giveUp, start.signal.reason as Error);
  start.signal.addEventListener("abort", end, { once: true });
  if (start.signal.aborted) end();
  try {
    return await monitor.start(asked, giveUp.signal);
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
  monitor: Monitor,
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
