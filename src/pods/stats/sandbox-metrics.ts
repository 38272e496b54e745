import { TimeSlice } from "../../observe/time-slice.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { ContainerMetricsSample, SandboxMetricsSample } from "../port.ts";
import { readAccounting, sampleContainer } from "./container-stats.ts";
import { readInterfaceCounters } from "./interface-counters.ts";
import { type DeviceNames, sampleFilesystem } from "./layer-filesystem.ts";
import { countProcesses } from "./process-counts.ts";

/** Everything the kernel counts for a pod's network and its running containers, read now. */
export async function sandboxMetrics(
  engine: PodEngine,
  names: DeviceNames,
  idOrPrefix: string,
): Promise<SandboxMetricsSample> {
  const sandbox = getRecord("sandbox", engine.sandboxes, idOrPrefix);
  const slice = new TimeSlice(engine.clock);
  const containers: ContainerMetricsSample[] = [];
  for (const container of containersOf(engine, sandbox.id)) {
    if (container.state !== "running") continue;
    containers.push(await measureContainer(engine, names, container, slice));
    await slice.turn();
  }
  return { sandbox, interfaces: await interfacesOf(engine, sandbox), containers };
}

async function measureContainer(
  engine: PodEngine,
  names: DeviceNames,
  container: ContainerRecord,
  slice: TimeSlice,
): Promise<ContainerMetricsSample> {
  const accounting = readAccounting(engine, container.id, container.cgroup);
  return {
    ...(await sampleContainer(engine, container)),
    accounting: accounting && {
      ...accounting,
      io: accounting.io?.map((io) => ({ ...io, deviceName: names.of(io.device) })),
    },
    processes: await engine.tellable.wait("processes", container.id, () =>
      countProcesses(engine.cgroups.pids(container.cgroup), container.process?.pid, slice),
    ),
    filesystem: engine.tellable.read("filesystem", container.id, () =>
      sampleFilesystem(engine.kernel, names, engine.config.root),
    ),
  };
}

/** A pod that stops has no namespace any more before it has a record of that, and nothing to tell of it. */
export async function interfacesOf(
  engine: PodEngine,
  sandbox: SandboxRecord,
): Promise<SandboxMetricsSample["interfaces"]> {
  if (sandbox.state !== "ready" || sandbox.netns === undefined) return [];
  const { netns, monitor } = sandbox;
  const read = async () =>
    (monitor === undefined ? undefined : readInterfaceCounters(monitor.pid, netns)) ??
    (await engine.network.interfaceStats(netns));
  return (await engine.tellable.wait("interfaces", sandbox.id, read)) ?? [];
}
