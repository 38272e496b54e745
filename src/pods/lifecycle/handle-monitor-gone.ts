import type { SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { handleExit } from "./handle-exit.ts";
import { releaseSandbox } from "./teardown/end-sandbox.ts";

/** What a container exits with when nobody was there to see how it ended. */
const unknownExitCode = 255;

/** The steps of a pod's end have deadlines of their own; a removal may be under way. */
const lockMs = 60_000;

/**
 * A pod's monitor is dead: the containers have lost their parent, logs and exit codes, so they are ended, their last words
 * taken from the exit records, and the pod is not ready: the kubelet makes it anew.
 */
export async function handleMonitorGone(engine: PodEngine, sandbox: SandboxRecord): Promise<void> {
  engine.log.error({ sandbox: sandbox.id, pid: sandbox.monitor?.pid }, "monitor is dead: ending the pod");
  const exits = new Map(
    engine.runtimes
      .runtimeOf(sandbox.handler)
      .readExitRecords(sandbox.directory)
      .map((exit) => [exit.id, exit]),
  );
  for (const container of containersOf(engine, sandbox.id)) {
    if (container.state !== "running") continue;
    engine.cgroups.kill(container.cgroup);
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
  using _held = await engine.locks.acquire(sandbox.id, { doing: "is being given back", withinMs: lockMs });
  await releaseSandbox(engine, sandbox.id);
}
