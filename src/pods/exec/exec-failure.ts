import { CribError, failedPrecondition, notFound } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { hasEnded } from "../../kernel/process/process-ref.ts";
import { RuntimeError } from "../../runtime/runtime-error.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";

/**
 * How the end of a container shows to a command that is just entering it: a namespace or control group that is gone, a stage
 * that was killed with everything else.
 */
const endings: ReadonlySet<number> = new Set([
  Errno.ESRCH,
  Errno.ECANCELED,
  Errno.ENOENT,
  Errno.ENODEV,
  Errno.EIO,
  // Of a clone into a pid namespace whose init has ended (pid_namespaces(7)).
  Errno.ENOMEM,
]);
/** The end of a container is told within milliseconds of its processes' death. */
const toldMs = 1_000;

/**
 * What a client is told of a command that could not be started. One that raced with the container's end is refused like one
 * that came after it; nothing of that is a fault of crib's.
 */
export async function execFailure(engine: PodEngine, container: ContainerRecord, error: unknown): Promise<unknown> {
  if (CribError.is(error, "deadline-exceeded")) return error;
  const { id, process } = container;
  const dying = process === undefined || hasEnded(engine.kernel, process);
  if ((dying || looksLikeEnding(error)) && engine.containers.get(id)?.state === "running") {
    await engine.exits.wait(id, toldMs);
  }
  const now = engine.containers.get(id);
  if (now === undefined) return notFound("container", id);
  if (now.state === "running" && !dying) return error;
  return failedPrecondition(`container ${id} ended while a command was being started in it`, error);
}

function looksLikeEnding(error: unknown): boolean {
  // Another code is of an error that says already whose it is.
  if (error instanceof RuntimeError) {
    return error.code === "internal" && error.errno !== undefined && endings.has(error.errno);
  }
  return error instanceof ErrnoError && endings.has(error.errno);
}
