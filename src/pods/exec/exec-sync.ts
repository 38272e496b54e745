import { CribError, deadlineExceeded } from "../../errors/crib-error.ts";
import { newExecId } from "../../ids/object-id.ts";
import { deadlines } from "../../runtime/deadlines.ts";
import type { ExecSession } from "../../runtime/port.ts";
import { RuntimeError } from "../../runtime/runtime-error.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import type { ExecSyncRequest, ExecSyncResult } from "../port.ts";
import { CappedOutput } from "./capped-output.ts";
import { execFailure } from "./exec-failure.ts";
import { execLaunch } from "./exec-launch.ts";
import { fitReply } from "./fit-reply.ts";
import { type RunningContainer, runningContainer } from "./running-container.ts";

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
  const container = await runningContainer(engine, request.containerId, "exec");
  const { record } = container;
  const timeoutMs = request.timeoutSeconds > 0n ? Number(request.timeoutSeconds) * 1000 : undefined;
  const deadlineMs = timeoutMs === undefined ? undefined : engine.clock.monotonicMs() + timeoutMs;
  const session = await launch(engine, container, request, timeoutMs);
  const leftMs = deadlineMs === undefined ? undefined : Math.max(1, deadlineMs - engine.clock.monotonicMs());
  return await collect(engine, record, session, request, leftMs);
}

/**
 * What never reaches its command is timed out as the command itself would be. The monitor has the same deadline: a stage that
 * hangs before it has joined the exec's control group can be killed by nobody else.
 */
async function launch(
  engine: PodEngine,
  container: RunningContainer,
  request: ExecSyncRequest,
  timeoutMs: number | undefined,
): Promise<ExecSession> {
  const { record, monitor } = container;
  const launchMs = Math.min(timeoutMs ?? deadlines.startMs, deadlines.startMs);
  const tooLate = () => launchTimedOut(record, request, launchMs);
  using late = startTimer(engine, launchMs, tooLate);
  try {
    const command = { id: newExecId(), command: request.command, terminal: false, stdin: false };
    return await monitor.exec({ ...execLaunch(container, command), timeoutMs: launchMs }, late.signal);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "deadline-exceeded") throw tooLate();
    throw await execFailure(engine, record, error);
  }
}

/** A signal that aborts with `reason` after `ms`, unless it is disposed of before. */
function startTimer(
  { clock }: PodEngine,
  ms: number,
  reason: () => Error,
): Disposable & { readonly signal: AbortSignal } {
  const timer = new AbortController();
  const late = new AbortController();
  void clock.sleep(ms, timer.signal).then((passed) => {
    if (passed) late.abort(reason());
  });
  return { signal: late.signal, [Symbol.dispose]: () => timer.abort() };
}

function launchTimedOut(record: ContainerRecord, request: ExecSyncRequest, launchMs: number): CribError {
  if (BigInt(launchMs) === request.timeoutSeconds * 1000n) return timedOut(record, request);
  return deadlineExceeded(`command in container ${record.id} was not started within ${launchMs / 1000} s`);
}

function timedOut({ id }: ContainerRecord, { timeoutSeconds }: ExecSyncRequest): CribError {
  return deadlineExceeded(`command in container ${id} timed out after ${timeoutSeconds} s and was killed`);
}

async function collect(
  engine: PodEngine,
  record: ContainerRecord,
  session: ExecSession,
  request: ExecSyncRequest,
  leftMs: number | undefined,
): Promise<ExecSyncResult> {
  const limit = engine.config.runtime.execOutputLimitBytes;
  const output = { stdout: new CappedOutput(limit), stderr: new CappedOutput(limit) };
  session.onOutput((stream, bytes) => {
    output[stream].push(bytes);
    if (output[stream].isFull) session.mute(stream);
  });
  using _session = { [Symbol.dispose]: () => session.abandon() };

  const exit = leftMs === undefined ? await session.exited : await within(engine, session.exited, leftMs);
  if (exit === undefined) {
    session.kill();
    await within(engine, session.exited, killWaitMs);
    throw timedOut(record, request);
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
