import { CribError, failedPrecondition, internal } from "../../errors/crib-error.ts";
import { ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import { cgroupOwner } from "../../oci/cgroup-owner.ts";
import { cgroupResourcesOfSpec } from "../../oci/resources.ts";
import type { Monitor, StartResult } from "../../runtime/monitor/port.ts";
import { compileContainerPlan } from "../../runtime/plan/compile-container.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { containerPaths } from "../host/container-paths.ts";
import { removeCgroup } from "../host/remove-cgroup.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import { checkContainerTransition } from "../ledger/transitions.ts";
import { pidNamespaceOf } from "../request/pid-namespace.ts";
import { restoreAppArmor } from "../request/resolve-apparmor.ts";
import { handleExit } from "./handle-exit.ts";

/** What kubelet and docker show for a container whose command could not be started. */
const startErrorExitCode = 128;

/**
 * Starts a created container: cgroup, launch plan, the monitor's clone. Returns when execve has succeeded.
 *
 * A failed start leaves the container exited with reason StartError and the failed step as message: that is what the
 * kubelet shows the pod's author.
 */
export async function startContainer(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const found = getRecord("container", engine.containers, idOrPrefix);
  using _sandboxHeld = await engine.locks.acquire(found.sandboxId);
  const record = getRecord("container", engine.containers, found.id);
  checkContainerTransition(record, "running");
  const sandbox = getRecord("sandbox", engine.sandboxes, record.sandboxId);
  const monitor = engine.monitors.get(sandbox.id);
  if (sandbox.state !== "ready" || monitor === undefined) {
    throw failedPrecondition(`sandbox ${sandbox.id} is not ready: container ${record.id} cannot start in it`);
  }

  await restoreAppArmor(engine, record.spec.process.apparmorProfile);
  let started: StartResult;
  try {
    started = await launch(engine, monitor, sandbox, record);
  } catch (error) {
    recordFailedStart(engine, sandbox, record, error);
    throw error;
  }
  for (const warning of started.warnings)
    engine.log.warn({ container: record.id, warning }, "container started with less than asked");

  const startTime = engine.kernel.processStartTime(started.pid);
  engine.containers.put(
    {
      ...record,
      state: "running",
      startedAtNs: started.startedAtNs,
      process: { pid: started.pid, startTime: startTime ?? 0n },
    },
    { durable: false },
  );
  engine.eventHub.publish(ContainerEventType.CONTAINER_STARTED_EVENT, record.id, sandbox, () =>
    containersOf(engine, sandbox.id),
  );
  const early = engine.earlyExits.get(record.id);
  engine.earlyExits.delete(record.id);
  if (early !== undefined) handleExit(engine, early);
}

async function launch(
  engine: PodEngine,
  monitor: Monitor,
  sandbox: SandboxRecord,
  record: ContainerRecord,
): Promise<StartResult> {
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
  return await monitor.start({
    id: record.id,
    plan,
    terminal: record.config.tty,
    stdin: record.config.stdin,
    stdinOnce: record.config.stdinOnce,
    logPath: record.logPath,
    oomFile: engine.cgroups.oomFile(record.cgroup),
  });
}

function recordFailedStart(engine: PodEngine, sandbox: SandboxRecord, record: ContainerRecord, error: unknown): void {
  const failure = error instanceof CribError ? error : internal(String(error), error);
  const now = engine.clock.now();
  engine.containers.put(
    {
      ...record,
      state: "exited",
      startedAtNs: now,
      finishedAtNs: now,
      exitCode: startErrorExitCode,
      reason: "StartError",
      message: failure.message,
    },
    { durable: false },
  );
  void removeCgroup(engine, record.cgroup);
  engine.eventHub.publish(ContainerEventType.CONTAINER_STOPPED_EVENT, record.id, sandbox, () =>
    containersOf(engine, sandbox.id),
  );
}
