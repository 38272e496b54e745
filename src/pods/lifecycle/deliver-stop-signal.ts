import { readFileSync } from "node:fs";
import type { Pid } from "../../ids/process.ts";
import { signalProcess } from "../../kernel/process/process-ref.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";

const firstLookMs = 10;
const longestLookMs = 200;

/**
 * Sends the stop signal once, as soon as it can be heard.
 *
 * The kernel drops what PID 1 of a pid namespace has no handler for (pid_namespaces(7)). A container that is stopped in the
 * moment after its start, before its program has set itself up, would sit out its whole grace and be killed. The signal goes
 * to the recorded process, not through the monitor: a stop works when that does not answer.
 *
 * @param note is called directly before it is sent: a daemon that dies at any moment leaves a record after which the next one
 * does not send it again. Many a program takes a second one for the order to drop everything.
 * @param over aborts when the container has ended or its grace has.
 */
export async function deliverStopSignal(
  { kernel, clock }: Pick<PodEngine, "kernel" | "clock">,
  record: ContainerRecord,
  note: () => void,
  over: AbortSignal,
): Promise<void> {
  const { process } = record;
  if (process === undefined) return;
  for (let waitMs = firstLookMs; !hears(readStatus(process.pid), record.stopSignal); ) {
    if (!(await clock.sleep(waitMs, over))) return;
    waitMs = Math.min(2 * waitMs, longestLookMs);
  }
  note();
  signalProcess(kernel, process, record.stopSignal);
}

/** Empty when the process is gone: who sends it a signal is told. */
function readStatus(pid: Pid): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return "";
  }
}

/** Whether a process with this /proc/PID/status would get `signal`: it is no namespace's PID 1, or it catches or blocks it. */
export function hears(status: string, signal: number): boolean {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1];
  const innerPid = field("NSpid")?.trim().split(/\s+/).at(-1);
  if (innerPid !== "1") return true;
  const mask = BigInt(`0x${field("SigCgt") ?? "0"}`) | BigInt(`0x${field("SigBlk") ?? "0"}`);
  return ((mask >> BigInt(signal - 1)) & 1n) === 1n;
}
