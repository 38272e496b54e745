import type { SandboxId } from "../../../ids/object-id.ts";
import type { TeardownStep } from "../../../state/records.ts";
import type { PodEngine } from "../../engine.ts";
import type { StepFailure } from "./step-failure.ts";
import { holdingsOf, isReleased, releasedSteps, stopSteps, tearDown, teardownError } from "./teardown.ts";

/** Without these a pod has not stopped; the others are crib's own to give back, later if need be. */
const toldSteps: ReadonlySet<TeardownStep> = new Set(["network", "pins"]);

/**
 * Records a pod whose containers have ended as not ready and gives back what it holds of the host. May be repeated; what
 * fails is repeated by the daemon itself. The caller holds the sandbox's lock and has ended its containers.
 *
 * @throws {CribError} when its network is not given back.
 */
export async function endSandbox(engine: PodEngine, id: SandboxId): Promise<void> {
  const failures = await releaseSandbox(engine, id);
  const told = failures.filter(({ step }) => toldSteps.has(step));
  if (told.length > 0) throw teardownError(id, told);
}

/** The same without an error: the steps that failed. */
export async function releaseSandbox(engine: PodEngine, id: SandboxId): Promise<readonly StepFailure[]> {
  const before = engine.sandboxes.get(id);
  if (before === undefined || isReleased(before)) return [];
  // What runs out of time below must not leave a pod that looks alive.
  const sandbox = before.state === "ready" ? engine.ledger.moveSandbox(id, "notready", { released: [] }) : before;
  const { released, failures } = await tearDown(engine, holdingsOf(sandbox), stopSteps, releasedSteps(sandbox));
  engine.cpuRates.forget(id);
  engine.cgroupReadings.forget(id);
  const monitorEnded = released.includes("monitor");
  engine.ledger.amendSandbox(id, {
    released,
    networkReleased: released.includes("network"),
    ...(monitorEnded && { monitor: undefined, initPid: undefined }),
  });
  engine.teardowns.note(id, failures, () => retryRelease(engine, id));
  return failures;
}

async function retryRelease(engine: PodEngine, id: SandboxId): Promise<void> {
  using _held = await engine.locks.acquire(id, { doing: "is being given back", withinMs: 1_000 });
  await releaseSandbox(engine, id);
}
