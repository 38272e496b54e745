import type { ErrnoName } from "../../errors/errno.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";

/** Whether `error` is a failed call with one of these errnos. */
export function hasErrno(error: unknown, ...names: readonly ErrnoName[]): error is ErrnoError {
  return error instanceof ErrnoError && names.some((name) => Errno[name] === error.errno);
}
