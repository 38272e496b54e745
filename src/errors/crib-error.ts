import type { ErrorCode } from "./error-code.ts";
import { visible } from "./visible.ts";

/**
 * The one error family of crib.
 *
 * Messages are lower case, name the thing and its value ("sandbox 3f2a… not found"), and end with what
 * to do where there is something to do. What they quote cannot steer a terminal. `cause` keeps the original failure for the log.
 */
export class CribError extends Error {
  override readonly name = "CribError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(visible(message), options);
    this.code = code;
  }

  /** Whether `value` is a CribError, optionally of one code. */
  static is(value: unknown, code?: ErrorCode): value is CribError {
    return value instanceof CribError && (code === undefined || value.code === code);
  }
}

/** A request that can never succeed as written. */
export function invalidArgument(message: string, cause?: unknown): CribError {
  return new CribError("invalid-argument", message, { cause });
}

/** `kind` names the sort of thing (`sandbox`, `container`, `image`), `id` the value asked for. */
export function notFound(kind: string, id: string): CribError {
  return new CribError("not-found", `${kind} ${JSON.stringify(id)} not found`);
}

/** `detail` says who holds the name, so that the reader can go and look at it. */
export function alreadyExists(kind: string, id: string, detail?: string): CribError {
  return new CribError("already-exists", `${kind} ${JSON.stringify(id)} already exists${detail ? `: ${detail}` : ""}`);
}

/** The request is right, the state of the thing is not. */
export function failedPrecondition(message: string, cause?: unknown): CribError {
  return new CribError("failed-precondition", message, { cause });
}

/** Something outside crib (a registry, a plugin, a monitor) cannot be reached now; a retry may succeed. */
export function unavailable(message: string, cause?: unknown): CribError {
  return new CribError("unavailable", message, { cause });
}

/** A bound in time was reached; the message says which and how long. */
export function deadlineExceeded(message: string, cause?: unknown): CribError {
  return new CribError("deadline-exceeded", message, { cause });
}

/** A state crib itself should have made impossible, or a kernel call that had no reason to fail. */
export function internal(message: string, cause?: unknown): CribError {
  return new CribError("internal", message, { cause });
}

/** Something kept is not what was written. */
export function dataLoss(message: string, cause?: unknown): CribError {
  return new CribError("data-loss", message, { cause });
}
