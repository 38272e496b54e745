import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import type { SandboxStatsSample } from "../port.ts";
import { readCgroup, sampleContainer } from "./container-stats.ts";
import { interfacesOf } from "./sandbox-metrics.ts";

/** Usage of a pod as a whole, its interfaces, and each of its running containers. */
export async function sandboxStats(engine: PodEngine, idOrPrefix: string): Promise<SandboxStatsSample> {
  const sandbox = getRecord("sandbox", engine.sandboxes, idOrPrefix);
  const ready = sandbox.state === "ready";
  const cgroup = ready ? readCgroup(engine, sandbox.id, sandbox.cgroup) : undefined;
  const running = containersOf(engine, sandbox.id).filter((container) => container.state === "running");
  return {
    sandbox,
    cgroup,
    usageNanoCores: cgroup === undefined ? undefined : engine.cpuRates.rate(sandbox.id, cgroup),
    interfaces: await interfacesOf(engine, sandbox),
    containers: await Promise.all(running.map((container) => sampleContainer(engine, container))),
  };
}
