import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { unavailable } from "../../errors/crib-error.ts";
import type { Clock } from "../../observe/clock.ts";
import { connectDaemon } from "../client.ts";
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
 * Ends the daemon when no run has a pod on it any more, and removes its directory. Two runs may leave at the same
 * moment: whatever the other has done already is done.
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
  removeDirectory(directory);
}

/** On a connection of its own, closed before the daemon is told to stop: it would wait for one that is open. */
async function hasPods(socket: string): Promise<boolean> {
  using daemon = connectDaemon(socket);
  try {
    return (await daemon.runtime.listPodSandbox({})).items.length > 0;
  } catch {
    // It is gone, or on its way: another run has told it.
    return false;
  }
}

function terminate(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

/** Renamed before it is removed: a run that starts at this moment must not find half of it. */
function removeDirectory(directory: string): void {
  if (!existsSync(directory)) return;
  const leaving = `${dirname(directory)}/.removing-${crypto.randomUUID()}`;
  try {
    renameSync(directory, leaving);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  rmSync(leaving, { recursive: true, force: true });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
