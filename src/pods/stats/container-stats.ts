import type { CgroupAccounting, CgroupStats } from "../../cgroups/port.ts";
import type { CgroupPath } from "../../ids/path.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { ContainerStatsSample } from "../port.ts";

/** What the kernel says a container uses now; a container that does not run has only a writable layer. */
export async function containerStats(engine: PodEngine, idOrPrefix: string): Promise<ContainerStatsSample> {
  return await sampleContainer(engine, getRecord("container", engine.containers, idOrPrefix));
}

/** Never rejects: what cannot be read is left out. */
export async function sampleContainer(engine: PodEngine, container: ContainerRecord): Promise<ContainerStatsSample> {
  const cgroup = container.state === "running" ? readCgroup(engine, container.id, container.cgroup) : undefined;
  return {
    container,
    cgroup,
    usageNanoCores: cgroup === undefined ? undefined : engine.cpuRates.rate(container.id, cgroup),
    writableLayer: await engine.tellable.wait("writable layer", container.id, () => engine.layerUsage.of(container)),
  };
}

export function readCgroup(engine: PodEngine, id: string, path: CgroupPath): CgroupStats | undefined {
  return engine.tellable.read("cgroup", id, () => engine.cgroups.stats(path));
}

export function readAccounting(engine: PodEngine, id: string, path: CgroupPath): CgroupAccounting | undefined {
  return engine.tellable.read("cgroup", id, () => engine.cgroups.accounting(path));
}
