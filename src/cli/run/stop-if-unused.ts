import { rmSync } from "node:fs";
import { unavailable } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Clock } from "../../observe/clock.ts";
import { connectDaemon } from "../program/client.ts";
import { processRefLives, processRefOf } from "./process-ref.ts";

/** A daemon that `crib run` started, this one or another of the same root. */
export interface PrivateDaemon {
  readonly directory: string;
  readonly socket: string;
  readonly pid: number;
}

const stopBoundMs = 20_000;
const pollMs = 20;

/**
 * Ends the daemon, unless it has pods of runs that were killed, and removes its directory. Only for the last run that uses it.
 *
 * @throws {CribError} unavailable when the daemon does not end.
 */
export async function stopIfUnused(clock: Clock, { directory, pid, socket }: PrivateDaemon): Promise<void> {
  const reference = processRefOf(pid);
  if (await hasPods(socket)) return;
  terminate(pid);
  const giveUpAtMs = clock.monotonicMs() + stopBoundMs;
  while (processRefLives(reference)) {
    if (clock.monotonicMs() > giveUpAtMs) {
      throw unavailable(`the private daemon (pid ${pid}) does not stop: look into ${directory}/daemon.log`);
    }
    await clock.sleep(pollMs);
  }
  rmSync(directory, { recursive: true, force: true });
}

/** On a connection of its own, closed before the daemon is told to stop: it would wait for one that is open. */
async function hasPods(socket: string): Promise<boolean> {
  using daemon = connectDaemon(socket);
  try {
    return (await daemon.runtime.listPodSandbox({})).items.length > 0;
  } catch {
    // It has died.
    return false;
  }
}

function terminate(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (!hasErrno(error, "ESRCH")) throw error;
  }
}
