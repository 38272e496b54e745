import { hasErrno } from "./has-errno.ts";

/** Whether a file operation failed because the file is not there. */
export function isMissing(error: unknown): boolean {
  return hasErrno(error, "ENOENT", "ENOTDIR");
}
