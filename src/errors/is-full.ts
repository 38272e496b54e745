import { Errno } from "./errno.ts";
import { ErrnoError } from "./errno-error.ts";

/** Whether a call failed for want of space, inodes or quota: one of crib's own kernel calls, or the JavaScript engine's. */
export function isFull(error: unknown): boolean {
  if (error instanceof ErrnoError) return error.errno === Errno.ENOSPC || error.errno === Errno.EDQUOT;
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
