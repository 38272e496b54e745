import { CribError, deadlineExceeded } from "../../errors/crib-error.ts";
import { newExecId } from "../../ids/object-id.ts";
import type { ExecSession } from "../../runtime/monitor/port.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { removeExecGroup } from "../host/remove-exec-group.ts";
import type { ExecSyncRequest, ExecSyncResult } from "../port.ts";
import { CappedOutput } from "./capped-output.ts";
import { execPlan } from "./exec-plan.ts";
import { fitReply } from "./fit-reply.ts";
import { runningContainer } from "./running-container.ts";

/**
 * How long output may still come after the command has ended: a grandchild that inherited the pipes (a daemon started from
 * a hook) would otherwise hold the call for ever.
 */
const drainMs = 1_000;
/** How long killed processes may take to vanish before the answer is given without them. */
const killWaitMs = 2_000;

/**
 * Runs a command in a container and collects its output, at most `execOutputLimitBytes` in all; the monitor reads the rest
 * and drops it, so that the command never blocks and the daemon never holds it.
 *
 * @throws {CribError} deadline-exceeded after `timeoutSeconds`; the command and all it forked are then dead.
 */
export async function execSync(engine: PodEngine, request: ExecSyncRequest): Promise<ExecSyncResult> {
  const container = runningContainer(engine, request.containerId, "exec");
  const { record, monitor } = container;
  const id = newExecId();
  using _group = {
    [Symbol.dispose]: () => removeExecGroup(engine, record.cgroup, id),
  };
  const session = await monitor.exec({
    id,
    containerId: record.id,
    plan: execPlan(engine, container, { id, command: request.command, terminal: false }),
    terminal: false,
    stdin: false,
  });
  return await collect(engine, record, session, id, request);
}

async function collect(
  engine: PodEngine,
  record: ContainerRecord,
  session: ExecSession,
  id: string,
  request: ExecSyncRequest,
): Promise<ExecSyncResult> {
  const limit = engine.config.runtime.execOutputLimitBytes;
  const output = { stdout: new CappedOutput(limit), stderr: new CappedOutput(limit) };
  session.onOutput((stream, bytes) => {
    output[stream].push(bytes);
    if (output[stream].isFull) session.mute(stream);
  });
  using _session = { [Symbol.dispose]: () => session.abandon() };

  const timeoutMs = Number(request.timeoutSeconds) * 1000;
  const exit = timeoutMs > 0 ? await within(engine, session.exited, timeoutMs) : await session.exited;
  if (exit === undefined) {
    engine.cgroups.killExec(record.cgroup, id);
    await within(engine, session.exited, killWaitMs);
    throw deadlineExceeded(
      `command in container ${record.id} timed out after ${request.timeoutSeconds} s and was killed`,
    );
  }
  await within(engine, session.drained, drainMs);
  if (exit.exitCode < 0) throw new CribError("internal", `exec in container ${record.id} ended without an exit code`);
  const kept = fitReply({ stdout: output.stdout.bytes(), stderr: output.stderr.bytes() }, limit);
  return { ...kept, exitCode: exit.exitCode };
}

/** The value, or undefined when `ms` passed first. */
async function within<Value>(engine: PodEngine, work: Promise<Value>, ms: number): Promise<Value | undefined> {
  const timer = new AbortController();
  const timeout = engine.clock.sleep(ms, timer.signal).then(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    timer.abort();
  }
}
