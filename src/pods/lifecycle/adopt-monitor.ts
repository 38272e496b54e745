import type { SandboxId } from "../../ids/object-id.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { ContainerExit, KeptContainer, SandboxHandle } from "../../runtime/port.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { lastWords } from "./await-exit.ts";
import { handleExit } from "./handle-exit.ts";

/**
 * Takes a monitor's word for what runs and what has exited, and brings the records after it. `connected` is told before the
 * records change, and from then on hears of its exits.
 *
 * @throws {CribError} unavailable when it does not answer; nothing has changed then.
 */
export async function adoptMonitor(
  engine: PodEngine,
  id: SandboxId,
  monitor: SandboxHandle,
  connected: (monitor: SandboxHandle) => void,
): Promise<void> {
  const early: ContainerExit[] = [];
  // Told while the list is under way: it may be in neither of the two otherwise.
  let listed = false;
  monitor.onExit((exit) => {
    if (!listed) early.push(exit);
  });
  const monitored = new Map((await monitor.list()).map((item) => [item.id, item]));
  if (engine.sandboxes.get(id) === undefined) {
    monitor.disconnect();
    return;
  }
  listed = true;
  connected(monitor);
  for (const container of containersOf(engine, id)) bringUpToDate(engine, monitor, container, monitored);
  for (const exit of early) handleExit(engine, exit);
  for (const item of monitored.values()) {
    // One whose record this crib cannot read (a newer one, a damaged one) is no container without a record.
    if (engine.containers.isKnown(item.id)) continue;
    const told = item.exit === undefined ? monitor.signal(item.id, SIGKILL) : monitor.forget(item.id);
    told.catch((error: unknown) =>
      engine.log.warn(
        { container: item.id, error: String(error) },
        "a container without a record stays with its monitor",
      ),
    );
  }
}

function bringUpToDate(
  engine: PodEngine,
  monitor: SandboxHandle,
  container: ContainerRecord,
  monitored: ReadonlyMap<string, KeptContainer>,
): void {
  const seen = monitored.get(container.id);
  switch (container.state) {
    case "created":
      // Its start is under way in this daemon, or was recorded by none: the former that made it died in between.
      if (seen !== undefined && !engine.starts.has(container.id)) {
        const startTime = engine.kernel.processStartTime(seen.pid) ?? 0n;
        const process = { pid: seen.pid, startTime };
        engine.ledger.moveContainer(container.id, "running", { startedAtNs: seen.startedAtNs, process });
        if (seen.exit !== undefined) handleExit(engine, seen.exit);
      }
      return;
    case "running":
      if (seen === undefined) handleExit(engine, lastWords(engine, container));
      else if (seen.exit !== undefined) handleExit(engine, seen.exit);
      return;
    case "exited":
    case "removing":
      // A start that was given up and succeeded all the same.
      if (seen !== undefined && seen.exit === undefined) {
        engine.cgroups.kill(container.cgroup);
        monitor.signal(container.id, SIGKILL).catch((error: unknown) => {
          engine.log.warn({ container: container.id, error: String(error) }, "what its record says has ended runs on");
        });
      }
      return;
  }
}
