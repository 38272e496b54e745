import { failedPrecondition } from "../../errors/crib-error.ts";
import type { Monitor } from "../../runtime/monitor/port.ts";
import type { ContainerRecord, ProcessRef } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";

/** A container with a process, and the monitor that is its parent. */
export interface RunningContainer {
  readonly record: ContainerRecord;
  readonly process: ProcessRef;
  readonly monitor: Monitor;
}

/** `verb` ends the message: "only a running container can …". @throws {CribError} not-found, failed-precondition */
export function runningContainer(engine: PodEngine, idOrPrefix: string, verb: string): RunningContainer {
  const record = getRecord("container", engine.containers, idOrPrefix);
  const { process, state } = record;
  const monitor = engine.monitors.get(record.sandboxId);
  if (state !== "running" || process === undefined || monitor === undefined) {
    throw failedPrecondition(`container ${record.id} is ${state}: only a running container can ${verb}`);
  }
  return { record, process, monitor };
}
