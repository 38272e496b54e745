import { Errno } from "./errno.ts";
import { ErrnoError } from "./errno-error.ts";

/** Whether a call failed for want of space, inodes or quota, whoever made it: crib's kernel calls or the runtime's. */
export function isFull(error: unknown): boolean {
  if (error instanceof ErrnoError) return error.errno === Errno.ENOSPC || error.errno === Errno.EDQUOT;
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
