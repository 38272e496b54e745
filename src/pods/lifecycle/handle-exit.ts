import { ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerExit } from "../../runtime/monitor/port.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { removeCgroup } from "../host/remove-cgroup.ts";
import { containersOf } from "../ledger/containers-of.ts";

/**
 * Records the exit of a container, once, whoever tells it (live event, monitor's list, exit record).
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
  const exited: ContainerRecord = {
    ...record,
    state: "exited",
    process: undefined,
    finishedAtNs: exit.finishedAtNs,
    exitCode: exit.exitCode,
    reason: exit.oomKilled ? "OOMKilled" : exit.exitCode === 0 ? "Completed" : "Error",
  };
  engine.containers.put(exited, { durable: false });
  engine.cpuRates.forget(record.id);
  void removeCgroup(engine, record.cgroup);
  engine.exits.notify(exit.id);
  const sandbox = engine.sandboxes.get(record.sandboxId);
  if (sandbox !== undefined) {
    engine.eventHub.publish(ContainerEventType.CONTAINER_STOPPED_EVENT, record.id, sandbox, () =>
      containersOf(engine, sandbox.id),
    );
  }
}
