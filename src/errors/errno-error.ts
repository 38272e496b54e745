import { CribError } from "./crib-error.ts";
import { Errno, errnoName } from "./errno.ts";
import type { ErrorCode } from "./error-code.ts";

/**
 * A system call that failed: which call, on what, with which errno.
 *
 * `code` stays `internal` (`resource-exhausted` without descriptors or space) unless the caller knows better; callers translate the errnos they expect
 * (ENOENT → not-found, …) at the place where the meaning is known.
 */
export class ErrnoError extends CribError {
  readonly errno: number;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(errno: number, syscall: string, path?: string, code: ErrorCode = usualCode(errno)) {
    super(code, `${syscall}${path === undefined ? "" : ` ${JSON.stringify(path)}`}: ${errnoName(errno)}`);
    this.errno = errno;
    this.syscall = syscall;
    this.path = path;
  }
}

const exhausted: ReadonlySet<number> = new Set([Errno.EMFILE, Errno.ENFILE, Errno.ENOSPC, Errno.EDQUOT]);

function usualCode(errno: number): ErrorCode {
  return exhausted.has(errno) ? "resource-exhausted" : "internal";
}
