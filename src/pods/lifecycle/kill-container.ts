import { deadlineExceeded } from "../../errors/crib-error.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import { signalProcess, waitChannel } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { awaitExit } from "./await-exit.ts";

/** How long the kernel may take to end a killed process before we say that it hangs. */
const killWaitMs = 10_000;
/** The monitor is told first, so that it does not take our SIGKILL for the kernel's; a stopped one is not waited for. */
const tellMs = 300;

/**
 * SIGKILL to everything in the container, then waits until its exit is recorded. Needs no monitor: the control group and the
 * recorded process are enough.
 *
 * @throws {CribError} deadline-exceeded when a process does not die (uninterruptible sleep), naming pid and wait channel.
 */
export async function killContainer(engine: PodEngine, id: ContainerId): Promise<void> {
  const record = engine.containers.get(id);
  if (record === undefined || record.state !== "running") return;
  await tellMonitor(engine, record);
  if (record.process !== undefined) signalProcess(engine.kernel, record.process, SIGKILL);
  engine.cgroups.kill(record.cgroup);
  if (await awaitExit(engine, id, killWaitMs)) return;
  const pid = record.process?.pid;
  throw deadlineExceeded(
    `container ${id} is still alive ${killWaitMs / 1000} s after SIGKILL: pid ${pid ?? "?"} waits in ${waitChannel(pid)}`,
  );
}

async function tellMonitor(engine: PodEngine, record: ContainerRecord): Promise<void> {
  const monitor = engine.monitors.get(record.sandboxId);
  if (monitor === undefined) return;
  const told = new AbortController();
  const telling = monitor.signal(record.id, SIGKILL).catch((error: unknown) => {
    engine.log.warn({ container: record.id, error: String(error) }, "killing it without its monitor");
  });
  await Promise.race([telling, engine.clock.sleep(tellMs, told.signal)]);
  told.abort();
}
