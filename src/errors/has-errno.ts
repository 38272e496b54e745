import { Errno, type ErrnoName } from "./errno.ts";
import { ErrnoError } from "./errno-error.ts";

/** Whether `error` is a system call that failed with one of these errnos: one of crib's own calls, or of a function of Node's. */
export function hasErrno(error: unknown, ...names: readonly ErrnoName[]): error is Error {
  if (error instanceof ErrnoError) return names.some((name) => Errno[name] === error.errno);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return names.some((name) => name === code);
}
