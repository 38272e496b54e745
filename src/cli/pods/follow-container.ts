import { internal } from "../../errors/crib-error.ts";
import { ContainerState, type ContainerStatus } from "../../gen/runtime/v1/api_pb.ts";
import { readLog } from "../../logs/read-log.ts";
import type { Cli } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { joinStarted } from "../session/join-started.ts";
import { runSession } from "../session/run-session.ts";
import { LogPrinter } from "./log-printer.ts";
import { waitForExit } from "./wait-for-exit.ts";

/** A container that was just started, and how it is to be followed. */
export interface Followed {
  readonly containerId: string;
  readonly logPath: string;
  readonly tty: boolean;
  /** Our standard input goes to it. */
  readonly stdin: boolean;
  /** Ctrl-P Ctrl-Q leaves one with a terminal running. */
  readonly detachable: boolean;
}

/**
 * Shows a container's output from its first byte until it has ended, and feeds it our input.
 *
 * @returns its last status; undefined when it was removed meanwhile; "detached" when the user left it.
 */
export async function followContainer(
  cli: Cli,
  daemon: DaemonClient,
  followed: Followed,
): Promise<ContainerStatus | undefined | "detached"> {
  if (!followed.tty) return await followLog(cli, daemon, followed);
  const done = new AbortController();
  try {
    const outcome = await joinStarted(cli, daemon, { ...followed, signal: done.signal });
    if (outcome.kind === "detached") return "detached";
    if (outcome.kind === "failed" && !(await hasEnded(daemon, followed.containerId))) throw internal(outcome.message);
    return await waitForExit(daemon, cli.io.clock, followed.containerId, done.signal);
  } catch (error) {
    // It may have ended before we came to join it: then its log says all.
    if (!(await hasEnded(daemon, followed.containerId))) throw error;
    return await followLog(cli, daemon, { ...followed, stdin: false });
  } finally {
    done.abort();
  }
}

/**
 * Copies the log as it is written, until the container has ended and all of it is shown. Input goes another way than
 * output: the log has every byte from the first on, an attachment only those from then on.
 */
async function followLog(
  cli: Cli,
  daemon: DaemonClient,
  { containerId, logPath, stdin }: Followed,
): Promise<ContainerStatus | undefined> {
  const ended = new AbortController();
  const unfed = Promise.withResolvers<never>();
  // Only looked at below; a failure that comes while the log is read must not count as unhandled.
  unfed.promise.catch(() => undefined);
  if (stdin) {
    feed(cli, daemon, containerId, ended.signal).catch((error: unknown) => {
      unfed.reject(error);
      ended.abort();
    });
  }
  const exit = waitForExit(daemon, cli.io.clock, containerId, ended.signal).finally(() => ended.abort());
  const printer = new LogPrinter(cli.io, { sinceNs: undefined, timestamps: false });
  for await (const lines of readLog(logPath, cli.io.clock, { tail: undefined, follow: ended.signal }))
    await printer.print(lines);
  return await Promise.race([unfed.promise, exit]);
}

/** Our standard input to the container's, until either ends. */
async function feed(cli: Cli, daemon: DaemonClient, containerId: string, signal: AbortSignal): Promise<void> {
  try {
    const { url } = await daemon.runtime.attach({ containerId, stdin: true, tty: false, stdout: false, stderr: false });
    await runSession(cli.io, url, { stdin: true, tty: false, detachable: false, signal });
  } catch (error) {
    if (!(await hasEnded(daemon, containerId))) throw error;
  }
}

async function hasEnded(daemon: DaemonClient, containerId: string): Promise<boolean> {
  const { status } = await daemon.runtime.containerStatus({ containerId });
  return status?.state === ContainerState.CONTAINER_EXITED;
}
