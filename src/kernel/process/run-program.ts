import { CribError, deadlineExceeded, unavailable } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Clock } from "../../observe/clock.ts";
import { withUmask } from "../exact-modes.ts";
import { giveInput } from "./give-input.ts";

const outputLimitBytes = 1024 * 1024;
/** How long a pipe may stay open after the program ended: something it left behind holds it. */
const drainMs = 500;
/** Nothing of the daemon's environment reaches a program of others. */
const fixedEnvironment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" } as const;

export interface ProgramCall {
  readonly executable: string;
  readonly args: readonly string[];
  /** For messages: the program, and what it is to do. */
  readonly what: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where it runs; the root directory when not given. */
  readonly directory?: HostPath;
  readonly input: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface ProgramOutcome {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of others (a CNI plugin, an OCI runtime) in a process group of its own, with nothing inherited, and kills the group when it takes too long, says
 * too much, or is not wanted any more.
 *
 * @throws {CribError} deadline-exceeded, cancelled, unavailable (could not be run, too much output).
 */
export async function runProgram(call: ProgramCall, clock: Clock): Promise<ProgramOutcome> {
  if (call.signal?.aborted) throw cancelled(call);
  const child = spawn(call);
  const ended = new AbortController();
  try {
    return await Promise.race([
      collect(child, call, clock, ended.signal),
      deadline(call, clock, ended.signal),
      aborted(call, ended.signal),
    ]);
  } finally {
    ended.abort();
    // Only while it is unreaped: later the number may be another's.
    if (child.exitCode === null && child.signalCode === null) killProcessGroup(child.pid);
  }
}

function spawn(call: ProgramCall) {
  const start = () =>
    Bun.spawn([call.executable, ...call.args], {
      cwd: call.directory ?? "/",
      env: { ...fixedEnvironment, ...call.environment },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
  try {
    // What they write is read by agents and by people; the daemon's private umask would close all of it.
    return withUmask(0o022, start);
  } catch (error) {
    throw unavailable(`${call.what} cannot be run: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

type Child = ReturnType<typeof spawn>;

async function collect(child: Child, call: ProgramCall, clock: Clock, ended: AbortSignal): Promise<ProgramOutcome> {
  const drained = new AbortController();
  const stop = AbortSignal.any([ended, drained.signal]);
  const outputs = Promise.all([readUpTo(child.stdout, call, stop), readUpTo(child.stderr, call, stop)]);
  const drain = async (): Promise<void> => {
    await child.exited;
    await Promise.race([outputs, clock.sleep(drainMs, ended)]);
    drained.abort();
  };
  // Not waited for: one that never reads its input is the deadline's.
  giveInput(child.stdin, call.input).catch(() => undefined);
  const [[stdout, stderr]] = await Promise.all([outputs, drain()]);
  return { exitCode: child.exitCode ?? undefined, stdout, stderr };
}

/** Up to the stream's end, or what there is of it when `stop` fires. */
async function readUpTo(stream: ReadableStream<Uint8Array>, call: ProgramCall, stop: AbortSignal): Promise<string> {
  const reader = stream.getReader();
  // A stream that failed is as good as cancelled.
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  stop.addEventListener("abort", cancel, { once: true });
  try {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return Buffer.concat(chunks).toString("utf8");
      length += value.length;
      if (length > outputLimitBytes)
        throw unavailable(`${call.what} printed more than ${outputLimitBytes} bytes and was killed`);
      chunks.push(value);
    }
  } finally {
    stop.removeEventListener("abort", cancel);
    cancel();
  }
}

async function deadline(call: ProgramCall, clock: Clock, ended: AbortSignal): Promise<never> {
  const passed = await clock.sleep(call.timeoutMs, ended);
  if (passed) throw deadlineExceeded(`${call.what} took longer than ${call.timeoutMs} ms and was killed`);
  return never();
}

async function aborted(call: ProgramCall, ended: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(cancelled(call));
  call.signal?.addEventListener("abort", onAbort, { once: true });
  ended.addEventListener("abort", () => call.signal?.removeEventListener("abort", onAbort), { once: true });
  return await promise;
}

/** Loses every race it is in. */
function never(): Promise<never> {
  return Promise.withResolvers<never>().promise;
}

function cancelled(call: ProgramCall): CribError {
  const timedOut = call.signal?.reason instanceof DOMException && call.signal.reason.name === "TimeoutError";
  return timedOut
    ? deadlineExceeded(`${call.what} was not done before the request's deadline and was killed`)
    : new CribError("cancelled", `${call.what} was cancelled with its request`);
}

function killProcessGroup(pid: number): void {
  try {
    process.kill(-pid, 9);
  } catch (error) {
    if (!hasErrno(error, "ESRCH")) throw error;
  }
}
