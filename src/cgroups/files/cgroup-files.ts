import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeSync,
} from "node:fs";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { withUmask } from "../../kernel/exact-modes.ts";

/**
 * The few file operations control groups are made of: real on cgroupfs, faked in unit tests.
 *
 * All are synchronous: a cgroupfs write takes 5–20 µs, less than a trip through a thread pool. Failures are `ErrnoError`s.
 */
export interface CgroupFiles {
  /** false when the directory is there already. The parent must exist. */
  mkdir(path: string): boolean;
  rmdir(path: string): void;
  read(path: string): string;
  write(path: string, value: string): void;
  /** Several writes through one open: each is one command to the kernel. */
  writeEach(path: string, values: readonly string[]): void;
  exists(path: string): boolean;
  chown(path: string, uid: number, gid: number): void;
  /** Names of the directories in `path`. */
  directories(path: string): readonly string[];
}

/** Never creates a file: a missing one is ENOENT, which tells that the kernel lacks the feature. */
export const hostCgroupFiles: CgroupFiles = {
  mkdir(path) {
    try {
      // Whoever is in the group reads its limits, whatever the umask of the daemon.
      withUmask(0, () => mkdirSync(path, 0o755));
      return true;
    } catch (error) {
      if (errnoOf(error) === Errno.EEXIST) return false;
      throw translated(error, "mkdir", path);
    }
  },
  rmdir: (path) => translating("rmdir", path, () => rmdirSync(path)),
  read: (path) => translating("read", path, () => readFileSync(path, "utf8")),
  write: (path, value) => hostCgroupFiles.writeEach(path, [value]),
  writeEach(path, values) {
    translating("write", path, () => {
      const fd = openSync(path, constants.O_WRONLY);
      try {
        for (const value of values) writeSync(fd, value);
      } finally {
        closeSync(fd);
      }
    });
  },
  exists: (path) => existsSync(path),
  chown: (path, uid, gid) => translating("chown", path, () => chownSync(path, uid, gid)),
  directories: (path) =>
    translating("readdir", path, () =>
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name),
    ),
};

function translating<Value>(syscall: string, path: string, call: () => Value): Value {
  try {
    return call();
  } catch (error) {
    throw translated(error, syscall, path);
  }
}

/** Node's errors carry a negative errno; anything else is passed on as it is. */
function translated(error: unknown, syscall: string, path: string): unknown {
  const errno = errnoOf(error);
  return errno === undefined ? error : new ErrnoError(errno, syscall, path);
}

function errnoOf(error: unknown): number | undefined {
  return error instanceof Error && "errno" in error && typeof error.errno === "number"
    ? Math.abs(error.errno)
    : undefined;
}
