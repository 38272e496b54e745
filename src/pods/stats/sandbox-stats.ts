import type { Patience } from "../../observe/patience.ts";
import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { ContainerStatsSample, SandboxStatsSample } from "../port.ts";
import { sampleContainer } from "./container-stats.ts";
import { interfacesOf } from "./sandbox-metrics.ts";

/** Usage of a pod as a whole, its interfaces, and each of its running containers. */
export async function sandboxStats(
  engine: PodEngine,
  idOrPrefix: string,
  patience: Patience,
): Promise<SandboxStatsSample> {
  const sandbox = getRecord("sandbox", engine.sandboxes, idOrPrefix);
  const ready = sandbox.state === "ready";
  const cgroup = ready ? engine.cgroupReadings.stats(sandbox.id, sandbox.cgroup, patience) : undefined;
  const interfaces = interfacesOf(engine, sandbox, patience);
  const containers: Promise<ContainerStatsSample>[] = [];
  for (const container of containersOf(engine, sandbox.id)) {
    if (container.state !== "running") continue;
    await engine.samplingSlice.turn();
    containers.push(sampleContainer(engine, container, patience));
  }
  return {
    sandbox,
    cgroup,
    usageNanoCores: cgroup === undefined ? undefined : engine.cpuRates.rate(sandbox.id, cgroup),
    interfaces: await interfaces,
    containers: await Promise.all(containers),
  };
}
