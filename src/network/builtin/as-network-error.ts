import { CribError, internal, unavailable } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";

/** Kernel refusals become `unavailable` with what was attempted; privileges get their own advice. */
export function asNetworkError(error: unknown, what: string): CribError {
  if (error instanceof ErrnoError) {
    const advice = error.errno === Errno.EPERM ? "; the daemon needs CAP_NET_ADMIN" : "";
    return unavailable(`${what}: ${error.message}${advice}`, error);
  }
  if (error instanceof CribError) return error;
  return internal(`${what}: ${String(error)}`, error);
}
