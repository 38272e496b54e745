import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { CribError, deadlineExceeded } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { ProcessRef } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { childrenOf, hasEnded, processRef, signalProcess, waitChannel } from "./process-ref.ts";

export interface MonitorHolding {
  readonly id: SandboxId;
  readonly directory: HostPath;
  readonly monitor: ProcessRef | undefined;
  readonly init: ProcessRef | undefined;
}

/** A killed process that is not gone by then waits in the kernel. */
const goneMs = 2_000;
const longestPauseMs = 50;

/**
 * Ends a pod's monitor with all its children, by asking it, or by its pid where it does not answer; and the pod's init, which
 * outlives a monitor that was killed.
 *
 * @throws {CribError} deadline-exceeded naming a process that SIGKILL does not end.
 */
export async function endMonitor(engine: PodEngine, holding: MonitorHolding): Promise<void> {
  const { id, directory, init } = holding;
  // Asked before it is, so that it is found afterwards however it ends.
  const monitor = holding.monitor ?? (await findMonitor(engine, id, directory));
  await engine.monitors.get(id)?.shutdown();
  engine.monitors.forget(id);
  if (monitor !== undefined && !(await endsSoon(engine, monitor))) await killTree(engine, monitor);
  if (init !== undefined && !hasEnded(engine.kernel, init)) await killTree(engine, init);
}

/** A monitor that was asked to leave has closed its socket a moment before it is gone. */
async function endsSoon(engine: PodEngine, monitor: ProcessRef): Promise<boolean> {
  for (let pauseMs = 1; pauseMs <= longestPauseMs; pauseMs *= 2) {
    if (hasEnded(engine.kernel, monitor)) return true;
    await engine.clock.sleep(pauseMs);
  }
  return hasEnded(engine.kernel, monitor);
}

/** Its children first: once it is gone they are nobody's, and some are in no control group yet. */
async function killTree(engine: PodEngine, root: ProcessRef): Promise<void> {
  const { kernel, clock } = engine;
  engine.log.warn({ pid: root.pid }, "ending a process of a pod by its pid");
  for (const child of childrenOf(kernel, root)) signalProcess(kernel, child, SIGKILL);
  signalProcess(kernel, root, SIGKILL);
  const untilMs = clock.monotonicMs() + goneMs;
  for (let pauseMs = 1; !hasEnded(kernel, root); pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    if (clock.monotonicMs() > untilMs) {
      throw deadlineExceeded(
        `pid ${root.pid} is still there ${goneMs / 1000} s after SIGKILL: it waits in ${waitChannel(root.pid)}`,
      );
    }
    await clock.sleep(pauseMs);
  }
}

/**
 * The monitor of a pod that has no record: the one that its socket leads to or, where that is gone or silent, the process
 * whose arguments name the pod. Only one that runs crib's own executable counts.
 */
async function findMonitor(engine: PodEngine, id: SandboxId, directory: HostPath): Promise<ProcessRef | undefined> {
  const connected = engine.monitors.get(id);
  if (connected !== undefined) return processRef(engine.kernel, connected.pid);
  try {
    const monitor = await engine.launcher.reconnect(id, directory);
    engine.monitors.connected(monitor);
    return processRef(engine.kernel, monitor.pid);
  } catch (error) {
    if (!CribError.is(error) && !isMissing(error)) throw error;
  }
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && isMonitorOf(name, id));
  return pid === undefined ? undefined : processRef(engine.kernel, Number(pid) as Pid);
}

function isMonitorOf(pid: string, id: SandboxId): boolean {
  try {
    if (readFileSync(`/proc/${pid}/comm`, "latin1") !== "crib-monitor\n") return false;
    if (!readlinkSync(`/proc/${pid}/exe`).startsWith("/memfd:crib-monitor")) return false;
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith(`crib-monitor\0${id}\0`);
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
