import { readFileSync } from "node:fs";
import { deadlineExceeded } from "../../errors/crib-error.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { PodEngine } from "../engine.ts";

/** How long the kernel may take to end a killed process before we say that it hangs. */
const killWaitMs = 10_000;

/**
 * SIGKILL to everything in the container, then waits until its exit is recorded.
 * @throws {CribError} deadline-exceeded when a process does not die (uninterruptible sleep), naming pid and wait channel.
 */
export async function killContainer(engine: PodEngine, id: ContainerId): Promise<void> {
  const record = engine.containers.get(id);
  if (record === undefined || record.state !== "running") return;
  const gone = engine.exits.wait(id, killWaitMs);
  const monitor = engine.monitors.get(record.sandboxId);
  await monitor?.signal(id, SIGKILL);
  engine.cgroups.kill(record.cgroup);
  if (await gone) return;
  const pid = record.process?.pid;
  throw deadlineExceeded(
    `container ${id} is still alive ${killWaitMs / 1000} s after SIGKILL: pid ${pid ?? "?"} waits in ${waitChannel(pid)}`,
  );
}

function waitChannel(pid: number | undefined): string {
  if (pid === undefined) return "an unknown place";
  try {
    return readFileSync(`/proc/${pid}/wchan`, "utf8") || "user space";
  } catch (error) {
    return `(unreadable: ${String(error)})`;
  }
}
