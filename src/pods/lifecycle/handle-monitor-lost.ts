import type { Monitor } from "../../runtime/monitor/port.ts";
import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { handleExit } from "./handle-exit.ts";
import { markNotReady } from "./mark-not-ready.ts";

/** What a container exits with when nobody was there to see how it ended. */
export const unknownExitCode = 255;

/**
 * A monitor died with its pod alive: the containers have lost their parent, logs and exit codes, so they are ended, their
 * last words taken from the exit records, and the pod is not ready: the kubelet makes it anew.
 */
export async function handleMonitorLost(engine: PodEngine, monitor: Monitor): Promise<void> {
  if (engine.monitors.get(monitor.sandboxId) !== monitor) return;
  engine.monitors.delete(monitor.sandboxId);
  const sandbox = engine.sandboxes.get(monitor.sandboxId);
  if (sandbox === undefined) return;
  engine.log.error({ sandbox: sandbox.id, pid: monitor.pid }, "monitor died: ending the pod");
  const exits = new Map(engine.launcher.readExitRecords(sandbox.directory).map((exit) => [exit.id, exit]));
  for (const container of containersOf(engine, sandbox.id)) {
    if (container.state !== "running") continue;
    handleExit(
      engine,
      exits.get(container.id) ?? {
        id: container.id,
        exitCode: unknownExitCode,
        signal: 0,
        finishedAtNs: engine.clock.now(),
        oomKilled: false,
      },
    );
  }
  using _held = await engine.locks.acquire(sandbox.id);
  await markNotReady(engine, sandbox.id);
}
