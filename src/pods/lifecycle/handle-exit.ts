import type { ContainerExit } from "../../runtime/port.ts";
import type { PodEngine } from "../engine.ts";
import { removeCgroupAside } from "../host/remove-cgroup.ts";
import { tellStopped } from "../plugins/tell-plugins.ts";

/**
 * Records the exit of a container, once, whoever tells it (live event, monitor's list, exit record, its process).
 *
 * Synchronous up to the record: a stop that waits is woken only when every reader can see the new state.
 */
export function handleExit(engine: PodEngine, exit: ContainerExit): void {
  const record = engine.containers.get(exit.id);
  if (record?.state === "created") {
    // A short-lived command: its exit overtook the reply to its start. `startContainer` picks it up.
    engine.earlyExits.set(exit.id, exit);
    return;
  }
  if (record?.state !== "running") return;
  // Only with a shared or host pid namespace can anything outlive the container's first process.
  engine.cgroups.kill(record.cgroup);
  const exited = engine.ledger.moveContainer(exit.id, "exited", {
    process: undefined,
    stop: undefined,
    finishedAtNs: exit.finishedAtNs,
    exitCode: exit.exitCode,
    reason: exit.oomKilled ? "OOMKilled" : exit.exitCode === 0 ? "Completed" : "Error",
  });
  engine.cpuRates.forget(record.id);
  engine.cgroupReadings.forget(record.id);
  removeCgroupAside(engine, record.cgroup);
  engine.exits.notify(exit.id);
  tellStopped(engine, exited);
}
