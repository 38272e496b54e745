import type { ContainerId } from "../../ids/object-id.ts";
import type { ProcessRef } from "../../kernel/process/process-ref.ts";
import { hasEnded } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { deadlines } from "../../runtime/deadlines.ts";
import type { ContainerExit } from "../../runtime/port.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { handleExit } from "./handle-exit.ts";

/** A monitor tells an exit within milliseconds; a process that has ended and was not told of by then is looked into. */
const lookMs = 500;

/**
 * Waits until the container's exit is recorded: told by its monitor or, where that does not answer, taken from what the kernel
 * still knows of the process.
 *
 * @returns false when it has not ended `withinMs`.
 */
export async function awaitExit(engine: PodEngine, id: ContainerId, withinMs: number): Promise<boolean> {
  const untilMs = engine.clock.monotonicMs() + withinMs;
  for (;;) {
    const record = engine.containers.get(id);
    if (record?.state !== "running") return true;
    const leftMs = untilMs - engine.clock.monotonicMs();
    if (leftMs <= 0) return false;
    if (await engine.exits.wait(id, Math.min(leftMs, lookMs))) return true;
    if (record.process === undefined || hasEnded(engine.kernel, record.process)) await takeUntoldExit(engine, record);
  }
}

/** The process has ended, its monitor has not said so. One that answers is believed, and is given its time. */
async function takeUntoldExit(engine: PodEngine, record: ContainerRecord): Promise<void> {
  const monitor = engine.monitors.get(record.sandboxId);
  if (monitor !== undefined) {
    try {
      const monitored = (await monitor.list(deadlines.pingMs)).find(({ id }) => id === record.id);
      if (monitored?.exit !== undefined) handleExit(engine, monitored.exit);
      if (monitored !== undefined) return;
    } catch (error) {
      engine.log.warn({ container: record.id, error: String(error) }, "its monitor does not tell how it ended");
    }
  }
  handleExit(engine, lastWords(engine, record));
}

/** What is known of an exit that nobody tells: an ended process keeps its status until its parent has asked for it. */
export function lastWords(engine: PodEngine, { id, process }: ContainerRecord): ContainerExit {
  const waitStatus = process === undefined ? undefined : statusOf(engine, process);
  const signal = waitStatus === undefined ? SIGKILL : waitStatus & 0x7f;
  const exitCode = signal === 0 ? ((waitStatus ?? 0) >> 8) & 0xff : 128 + signal;
  return { id, exitCode, signal, finishedAtNs: engine.clock.now(), oomKilled: false };
}

function statusOf({ kernel }: Pick<PodEngine, "kernel">, { pid, startTime }: ProcessRef): number | undefined {
  const status = kernel.processStatus(pid);
  return status?.startTime === startTime && status.state === "Z" ? status.waitStatus : undefined;
}
