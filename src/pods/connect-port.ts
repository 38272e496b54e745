import { failedPrecondition, unavailable } from "../errors/crib-error.ts";
import { Errno, errnoName } from "../errors/errno.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import type { HostPath } from "../ids/path.ts";
import type { Fd } from "../ids/process.ts";
import { O_RDONLY } from "../kernel/open-flags.ts";
import { OwnedFd } from "../kernel/owned-fd.ts";
import type { Kernel } from "../kernel/port.ts";
import type { Clock } from "../observe/clock.ts";
import type { Duplex } from "../runtime/monitor/streams.ts";
import type { PodEngine } from "./engine.ts";
import { getRecord } from "./resolve-id.ts";
import { openTcpDuplex } from "./tcp-duplex.ts";

/** A loopback connect is done at once, or waits for a listener whose backlog is full. */
const connectMs = 5_000;
const firstWaitMs = 1;
const longestWaitMs = 50;

/** @throws {CribError} not-found, failed-precondition when the pod is not ready; what `connectLoopback` throws. */
export async function connectPort(engine: PodEngine, sandboxId: string, port: number): Promise<Duplex> {
  const sandbox = getRecord("sandbox", engine.sandboxes, sandboxId);
  if (sandbox.state !== "ready") throw failedPrecondition(`sandbox ${sandbox.id} is not ready: its ports are closed`);
  return await connectLoopback(engine, sandbox.netns, port, `port ${port} of sandbox ${sandbox.id}`);
}

/**
 * Connects to what listens on the loopback of a network namespace (undefined: the host's): 127.0.0.1, then ::1.
 *
 * @throws {CribError} unavailable when nobody listens or answers.
 */
export async function connectLoopback(
  { kernel, clock }: Pick<PodEngine, "kernel" | "clock">,
  netnsPath: HostPath | undefined,
  port: number,
  where: string,
): Promise<Duplex> {
  using netns = netnsPath === undefined ? undefined : new OwnedFd(kernel, kernel.open(netnsPath, O_RDONLY));
  const deadline = clock.monotonicMs() + connectMs;
  const reasons: string[] = [];
  for (const ipVersion of [4, 6] as const) {
    try {
      using socket = new OwnedFd(kernel, kernel.connectLoopback(netns?.fd, ipVersion, port));
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
