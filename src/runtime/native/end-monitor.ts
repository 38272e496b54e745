import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { CribError, deadlineExceeded } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { Pid } from "../../ids/process.ts";
import type { ProcessRef } from "../../kernel/process/process-ref.ts";
import { childrenOf, hasEnded, processRef, signalProcess, waitChannel } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { SandboxRemains } from "../port.ts";
import type { Monitor } from "./monitor/port.ts";
import type { NativeTools } from "./native-tools.ts";

type Tools = Pick<NativeTools, "kernel" | "clock" | "log" | "launcher">;

/** A killed process that is not gone by then waits in the kernel. */
const goneMs = 2_000;
const longestPauseMs = 50;

/**
 * Ends a pod's monitor with all its children, by asking it, or by its pid where it does not answer; and the pod's init, which
 * outlives a monitor that was killed.
 *
 * @throws {CribError} deadline-exceeded naming a process that SIGKILL does not end.
 */
export async function endMonitor(tools: Tools, remains: SandboxRemains): Promise<void> {
  const { init } = remains;
  // Asked before it is, so that it is found afterwards however it ends.
  const { process, asked } = await findMonitor(tools, remains);
  await asked?.shutdown();
  if (process !== undefined && !(await endsSoon(tools, process))) await killTree(tools, process);
  if (init !== undefined && !hasEnded(tools.kernel, init)) await killTree(tools, init);
}

/** A monitor that was asked to leave has closed its socket a moment before it is gone. */
async function endsSoon(tools: Tools, monitor: ProcessRef): Promise<boolean> {
  for (let pauseMs = 1; pauseMs <= longestPauseMs; pauseMs *= 2) {
    if (hasEnded(tools.kernel, monitor)) return true;
    await tools.clock.sleep(pauseMs);
  }
  return hasEnded(tools.kernel, monitor);
}

/** Its children first: once it is gone nothing leads to them, and some are in no control group yet. */
async function killTree(tools: Tools, root: ProcessRef): Promise<void> {
  const { kernel, clock } = tools;
  tools.log.warn({ pid: root.pid }, "ending a process of a pod by its pid");
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

interface Found {
  readonly process: ProcessRef | undefined;
  /** Who can be asked to end it. */
  readonly asked: Pick<Monitor, "shutdown"> | undefined;
}

/**
 * The monitor, of a pod that has no record too: the one that its socket leads to or, where that is gone or silent, the process
 * whose arguments name the pod. Only one that runs crib's own executable counts.
 */
async function findMonitor(tools: Tools, { id, directory, handle, keeper }: SandboxRemains): Promise<Found> {
  if (keeper !== undefined) return { process: keeper, asked: handle };
  if (handle !== undefined) return { process: processRef(tools.kernel, handle.pid), asked: handle };
  try {
    const monitor = await tools.launcher.reconnect(id, directory);
    return { process: processRef(tools.kernel, monitor.pid), asked: monitor };
  } catch (error) {
    if (!CribError.is(error)) throw error;
  }
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && isMonitorOf(name, id));
  return { process: pid === undefined ? undefined : processRef(tools.kernel, Number(pid) as Pid), asked: undefined };
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
