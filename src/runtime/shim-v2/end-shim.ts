import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { CribError, unavailable } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import { hasEnded, type ProcessRef, signalProcess } from "../../kernel/process/process-ref.ts";
import { runProgram } from "../../kernel/process/run-program.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { shimArguments, shimEnvironment } from "./shim-command.ts";
import { bundlesOf } from "./shim-directory.ts";
import { readShimRecord, removeShimRecord, type ShimRecord } from "./shim-record.ts";
import type { ShimTools } from "./shim-tools.ts";
import { TaskClient, task } from "./task-client.ts";

/** A killed container is given so long to be gone for the shim. */
const deletedMs = 3_000;
/** A shim that was asked to end, or killed, is gone by then. */
const goneMs = 2_000;
const longestPauseMs = 50;
/** Of the shim's `delete`, which may have to end a virtual machine. */
const deleteActionMs = 10_000;

/**
 * Ends a pod's shim with all that it has: by asking it, and where it does not answer by its pid, after which the shim's program
 * cleans up behind it. May be repeated, and needs no monitor.
 */
export async function endShim(tools: ShimTools, id: SandboxId, directory: HostPath): Promise<void> {
  const record = readShimRecord(directory);
  const bundles = bundlesOf(directory, id);
  if (bundles.length === 0) return;
  const asked =
    record !== undefined && !hasEnded(tools.kernel, record.process) && (await askToEnd(tools, record, bundles));
  if (record !== undefined) await endProcess(tools, record.process);
  if (!asked) await cleanUp(tools, directory, bundles);
  removeSocket(tools, record);
  removeShimRecord(directory);
}

/** A shim that was killed leaves it. Where it lies is the shim's word: nothing is removed elsewhere than where it was told to be. */
function removeSocket({ places }: ShimTools, record: ShimRecord | undefined): void {
  if (record === undefined || places.sockets === undefined || dirname(record.socket) !== places.sockets) return;
  rmSync(record.socket, { force: true });
}

async function askToEnd(tools: ShimTools, record: ShimRecord, bundles: readonly string[]): Promise<boolean> {
  try {
    using client = await TaskClient.connect(record, tools.clock);
    for (const id of bundles) await deleteContainer(tools, client, id);
    await client.call(task.shutdown, { id: bundles.at(-1) ?? "", now: false });
    return true;
  } catch (error) {
    // One that ends before it has answered.
    tools.log.warn({ pid: record.process.pid, error: String(error) }, "a pod's shim cannot be asked to end");
    return false;
  }
}

/** Kills the container and has the shim forget it. What the shim does not know is done. */
async function deleteContainer(tools: ShimTools, client: TaskClient, id: string): Promise<void> {
  const untilMs = tools.clock.monotonicMs() + deletedMs;
  await ignoring(client.call(task.kill, { id, signal: SIGKILL, all: true }));
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      await client.call(task.delete, { id });
      return;
    } catch (error) {
      if (CribError.is(error, "not-found")) return;
      if (tools.clock.monotonicMs() > untilMs) throw error;
    }
    await tools.clock.sleep(pauseMs);
  }
}

/** A shim that does not answer at all is the caller's to see; what it answers to a kill says nothing of the outcome. */
async function ignoring(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (CribError.is(error, "unavailable") || CribError.is(error, "deadline-exceeded")) throw error;
  }
}

/** @throws {CribError} unavailable when it outlives SIGKILL. */
async function endProcess({ kernel, clock }: ShimTools, process: ProcessRef): Promise<void> {
  for (const signal of [undefined, SIGKILL] as const) {
    if (signal !== undefined) signalProcess(kernel, process, signal);
    const untilMs = clock.monotonicMs() + goneMs;
    for (let pauseMs = 1; clock.monotonicMs() < untilMs; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      if (hasEnded(kernel, process)) return;
      await clock.sleep(pauseMs);
    }
  }
  if (!hasEnded(kernel, process)) throw unavailable(`the shim, pid ${process.pid}, is still there after SIGKILL`);
}

/** The shim's `delete`, for each container that it had: what it could not end any more. One that fails is told. */
export async function cleanUp(tools: ShimTools, podDirectory: HostPath, bundles: readonly string[]): Promise<void> {
  const { command, events, clock, log } = tools;
  for (const id of bundles) {
    const bundle = joinHostPath(podDirectory, "shim", id);
    const call = {
      executable: command.path,
      args: shimArguments(id, events.address, "delete", bundle),
      what: `delete of the shim ${JSON.stringify(command.name)}`,
      environment: shimEnvironment(events.address),
      directory: bundle,
      input: new Uint8Array(0),
      timeoutMs: deleteActionMs,
      signal: undefined,
    };
    try {
      const { exitCode, stderr } = await runProgram(call, clock);
      if (exitCode !== 0)
        log.warn({ container: id, exitCode, stderr: stderr.slice(-500) }, "a dead shim's container is not cleaned up");
    } catch (error) {
      log.warn({ container: id, error: String(error) }, "a dead shim's container is not cleaned up");
    }
  }
}
