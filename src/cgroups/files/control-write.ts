import { failedPrecondition, invalidArgument } from "../../errors/crib-error.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "./cgroup-files.ts";

/** One value for one control file of a group. */
export interface ControlWrite {
  readonly file: string;
  readonly value: string;
  /** A kernel without the file is fine: built without swap accounting, without huge pages. */
  readonly optional?: boolean;
}

/**
 * Writes limits that bound one another (memory and memory+swap, period and quota): in the given order, and the other way
 * round when the kernel finds the first too tight against what is still set.
 */
export function writePair(first: ControlWrite, second: ControlWrite, write: (control: ControlWrite) => void): void {
  try {
    write(first);
  } catch (error) {
    if (!hasErrno(error, "EINVAL")) throw error;
    write(second);
    write(first);
    return;
  }
  write(second);
}

/** Writes one control of the group at `directory`. @throws {CribError} saying which limit the kernel refused, and why. */
export function writeControl(files: CgroupFiles, directory: string, { file, value, optional }: ControlWrite): void {
  const path = `${directory}/${file}`;
  try {
    files.write(path, value);
  } catch (error) {
    if (optional === true && hasErrno(error, "ENOENT")) return;
    throw error;
  }
}

/** Kernel refusals in the words of the request. */
export function explainRefusal(error: unknown): unknown {
  if (!(error instanceof ErrnoError) || error.syscall !== "write") return error;
  if (!hasErrno(error, "EINVAL", "ERANGE", "EBUSY", "ENOENT", "EOPNOTSUPP")) return error;
  const file = error.path ?? "control file";
  if (hasErrno(error, "EBUSY") && file.endsWith("/cgroup.subtree_control")) {
    return failedPrecondition(
      `${file}: a process stands in this group, so cgroup v2 gives its children no limits; move it away`,
      error,
    );
  }
  if (hasErrno(error, "EBUSY") && file.includes("/cpuset.")) {
    return failedPrecondition(`${file}: a group below uses what the new set leaves out`, error);
  }
  if (hasErrno(error, "EBUSY")) return failedPrecondition(`${file}: the group uses more than the new limit`, error);
  if (hasErrno(error, "ENOENT", "EOPNOTSUPP"))
    return failedPrecondition(`${file}: this kernel or hierarchy has no such limit`, error);
  return invalidArgument(`${file}: the kernel refuses the value`, error);
}
