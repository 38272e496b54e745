import { failedPrecondition } from "../../errors/crib-error.ts";
import type { ProcessRef } from "../../kernel/process/process-ref.ts";
import type { SandboxHandle } from "../../runtime/port.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";

/** A container with a process, and the monitor that is its parent. */
export interface RunningContainer {
  readonly record: ContainerRecord;
  readonly process: ProcessRef;
  readonly monitor: SandboxHandle;
}

/**
 * `verb` ends the message: "only a running container can …".
 * @throws {CribError} not-found, failed-precondition; unavailable when the monitor does not answer.
 */
export async function runningContainer(engine: PodEngine, idOrPrefix: string, verb: string): Promise<RunningContainer> {
  const found = getRecord("container", engine.containers, idOrPrefix);
  checkRuns(found, verb);
  const monitor = await engine.monitors.reach(found.sandboxId);
  const record = getRecord("container", engine.containers, found.id);
  return { record, process: checkRuns(record, verb), monitor };
}

/** @throws {CribError} failed-precondition */
function checkRuns({ id, state, process }: ContainerRecord, verb: string): ProcessRef {
  if (state === "running" && process !== undefined) return process;
  throw failedPrecondition(`container ${id} is ${state}: only a running container can ${verb}`);
}
