import type { CgroupAccounting, CgroupStats } from "../../cgroups/port.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { CgroupPath } from "../../ids/path.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { ContainerStatsSample } from "../port.ts";

/** What the kernel says a container uses now; a container that does not run has only a writable layer. */
export async function containerStats(engine: PodEngine, idOrPrefix: string): Promise<ContainerStatsSample> {
  return await sampleContainer(engine, getRecord("container", engine.containers, idOrPrefix));
}

export async function sampleContainer(engine: PodEngine, container: ContainerRecord): Promise<ContainerStatsSample> {
  const cgroup = container.state === "running" ? readCgroup(engine, container.cgroup) : undefined;
  return {
    container,
    cgroup,
    usageNanoCores: cgroup === undefined ? undefined : engine.cpuRates.rate(container.id, cgroup),
    writableLayer: await engine.layerUsage.of(container),
  };
}

export function readCgroup(engine: PodEngine, path: CgroupPath): CgroupStats | undefined {
  return unlessGone(() => engine.cgroups.stats(path));
}

export function readAccounting(engine: PodEngine, path: CgroupPath): CgroupAccounting | undefined {
  return unlessGone(() => engine.cgroups.accounting(path));
}

/** undefined when the group went away between the record and the read. */
function unlessGone<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ErrnoError || (error instanceof Error && "code" in error && error.code === "ENOENT"))
      return undefined;
    throw error;
  }
}
