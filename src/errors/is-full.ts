import { hasErrno } from "./has-errno.ts";

/** Whether a call failed for want of space, inodes or quota. */
export function isFull(error: unknown): boolean {
  return hasErrno(error, "ENOSPC", "EDQUOT");
}
