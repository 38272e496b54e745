import { statSync } from "node:fs";
import { failedPrecondition, unavailable } from "../../errors/crib-error.ts";
import { Errno, errnoName } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { Fd } from "../../ids/process.ts";
import { O_RDONLY } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { ProcessRef } from "../../kernel/process/process-ref.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Duplex } from "../../runtime/streams.ts";
import type { SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import { openTcpDuplex } from "./tcp-duplex.ts";

/** A loopback connect is done at once, or waits for a listener whose backlog is full. */
const connectMs = 5_000;
const firstWaitMs = 1;
const longestWaitMs = 50;

/** @throws {CribError} not-found, failed-precondition when the pod is not ready; what `connectLoopback` throws. */
export async function connectPort(engine: PodEngine, sandboxId: string, port: number): Promise<Duplex> {
  const sandbox = getRecord("sandbox", engine.sandboxes, sandboxId);
  if (sandbox.state !== "ready") throw failedPrecondition(`sandbox ${sandbox.id} is not ready: its ports are closed`);
  using netns = openNetns(engine, sandbox);
  return await connectLoopback(engine, netns?.fd, port, `port ${port} of sandbox ${sandbox.id}`);
}

/**
 * The pod's network namespace, undefined on the host's network. What the path holds must be where the pod's monitor
 * lives: a path outlives its namespace, and a port of another's, or of the host's, is never the answer.
 */
function openNetns({ kernel }: PodEngine, { id, netns, monitor }: SandboxRecord): OwnedFd | undefined {
  if (netns === undefined) return undefined;
  using opened = new OwnedFd(kernel, kernel.open(netns, O_RDONLY));
  if (monitor === undefined || !isIn(kernel, opened.fd, monitor)) {
    throw failedPrecondition(`the network namespace of sandbox ${id} is gone: ${netns} is not the pod's any more`);
  }
  return new OwnedFd(kernel, opened.release());
}

function isIn(kernel: Kernel, netns: Fd, { pid, startTime }: ProcessRef): boolean {
  const own = statSync(`/proc/${pid}/ns/net`, { bigint: true, throwIfNoEntry: false });
  // Asked after the look: a number that was another's by then does not have this time.
  if (own === undefined || kernel.processStartTime(pid) !== startTime) return false;
  // A number of nsfs; what is no namespace and has it by chance is refused by setns(2).
  return kernel.fstat(netns).inode === own.ino;
}

/**
 * Connects to what listens on the loopback of a network namespace (undefined: the host's): 127.0.0.1, then ::1.
 *
 * @throws {CribError} unavailable when nobody listens or answers.
 */
export async function connectLoopback(
  { kernel, clock }: Pick<PodEngine, "kernel" | "clock">,
  netns: Fd | undefined,
  port: number,
  where: string,
): Promise<Duplex> {
  const deadline = clock.monotonicMs() + connectMs;
  const reasons: string[] = [];
  for (const ipVersion of [4, 6] as const) {
    try {
      using socket = new OwnedFd(kernel, kernel.connectLoopback(netns, ipVersion, port));
      await connected(kernel, clock, socket.fd, deadline);
      return await openTcpDuplex(socket.release(), where);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      reasons.push(`${ipVersion === 4 ? "127.0.0.1" : "::1"}: ${errnoName(error.errno)}`);
    }
  }
  throw unavailable(`nobody takes connections on ${where}: ${reasons.join("; ")}`);
}

/** @throws {ErrnoError} what the connect ended with */
async function connected(kernel: Kernel, clock: Clock, socket: Fd, deadline: number): Promise<void> {
  for (let waitMs = firstWaitMs; !kernel.isConnected(socket); waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    if (clock.monotonicMs() > deadline) throw new ErrnoError(Errno.ETIMEDOUT, "connect");
    await clock.sleep(waitMs);
  }
}
