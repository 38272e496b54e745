import type { Patience } from "../../observe/patience.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { ContainerStatsSample } from "../port.ts";

/** What the kernel says a container uses now; a container that does not run has only a writable layer. */
export async function containerStats(
  engine: PodEngine,
  idOrPrefix: string,
  patience: Patience,
): Promise<ContainerStatsSample> {
  return await sampleContainer(engine, getRecord("container", engine.containers, idOrPrefix), patience);
}

/** Never rejects: what cannot be read, or not in time, is left out. */
export async function sampleContainer(
  engine: PodEngine,
  container: ContainerRecord,
  patience: Patience,
): Promise<ContainerStatsSample> {
  const { id, cgroup: path, state } = container;
  const cgroup = state === "running" ? engine.cgroupReadings.stats(id, path, patience) : undefined;
  return {
    container,
    cgroup,
    usageNanoCores: cgroup === undefined ? undefined : engine.cpuRates.rate(id, cgroup),
    writableLayer: await engine.layerUsage.of(container, patience),
  };
}
