import type { Patience } from "../../observe/patience.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { ContainerMetricsSample, FilesystemSample, SandboxMetricsSample } from "../port.ts";
import { sampleContainer } from "./container-stats.ts";
import { readInterfaceCounters } from "./interface-counters.ts";
import { type DeviceNames, sampleFilesystem } from "./layer-filesystem.ts";
import { countProcesses } from "./process-counts.ts";

/** Everything the kernel counts for a pod's network and its running containers, read now. */
export async function sandboxMetrics(
  engine: PodEngine,
  names: DeviceNames,
  idOrPrefix: string,
  patience: Patience,
): Promise<SandboxMetricsSample> {
  const sandbox = getRecord("sandbox", engine.sandboxes, idOrPrefix);
  const interfaces = interfacesOf(engine, sandbox, patience);
  const filesystem = engine.tellable.read("filesystem", sandbox.id, () =>
    sampleFilesystem(engine.kernel, names, engine.config.root),
  );
  const containers: Promise<ContainerMetricsSample>[] = [];
  for (const container of containersOf(engine, sandbox.id)) {
    if (container.state !== "running") continue;
    await engine.samplingSlice.turn();
    containers.push(measureContainer(engine, names, container, filesystem, patience));
  }
  return { sandbox, interfaces: await interfaces, containers: await Promise.all(containers) };
}

async function measureContainer(
  engine: PodEngine,
  names: DeviceNames,
  container: ContainerRecord,
  filesystem: FilesystemSample | undefined,
  patience: Patience,
): Promise<ContainerMetricsSample> {
  const { id, cgroup, process } = container;
  const accounting = engine.cgroupReadings.accounting(id, cgroup, patience);
  const processes = engine.tellable.wait("processes", id, patience, async () =>
    countProcesses(
      await engine.cgroups.pidsInTurns(cgroup, () => engine.samplingSlice.turn()),
      process?.pid,
      engine.samplingSlice,
    ),
  );
  return {
    ...(await sampleContainer(engine, container, patience)),
    accounting: accounting && {
      ...accounting,
      io: accounting.io?.map((io) => ({ ...io, deviceName: names.of(io.device) })),
    },
    processes: await processes,
    filesystem,
  };
}

/** A pod that stops has no namespace any more before it has a record of that, and nothing to tell of it. */
export async function interfacesOf(
  engine: PodEngine,
  sandbox: SandboxRecord,
  patience: Patience,
): Promise<SandboxMetricsSample["interfaces"]> {
  if (sandbox.state !== "ready" || sandbox.netns === undefined) return [];
  const { netns, monitor } = sandbox;
  const read = async () =>
    (monitor === undefined ? undefined : readInterfaceCounters(monitor.pid, netns)) ??
    (await engine.network.interfaceStats(netns));
  return (await engine.tellable.wait("interfaces", sandbox.id, patience, read)) ?? [];
}
