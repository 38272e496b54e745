import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { Fd } from "../../ids/process.ts";
import { AT_FDCWD } from "../open-flags.ts";
import type { FileCalls } from "../port.ts";
import { cString } from "./c-string.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";

const AT_REMOVEDIR = 0x200;
const LOCK_SH_NB = 1 | 4;
const LOCK_EX_NB = 2 | 4;
/** Longer than any link target the kernel keeps (PATH_MAX). */
const LINK_BYTES = 4096;
/** What glibc's readdir asks for at a time. */
const NAMES_BYTES = 32 * 1024;

type DescriptorCalls = Pick<
  FileCalls,
  | "open"
  | "openat"
  | "openat2"
  | "close"
  | "read"
  | "writeAll"
  | "ftruncate"
  | "fsync"
  | "syncfs"
  | "tryLockExclusive"
  | "tryLockShared"
>;

/** Opening, reading, writing and syncing. */
export function descriptorCalls({ libc, shim, checked, errno }: Calls): DescriptorCalls {
  const openat = (dir: Fd, path: string, flags: number, mode = 0): Fd =>
    checkedShim(shim.crib_openat(dir, cString(path, "path"), flags, mode), "openat", path) as Fd;
  const tryLock = (fd: Fd, operation: number): boolean => {
    if (libc.flock(fd, operation) === 0) return true;
    const failure = errno();
    if (failure === Errno.EAGAIN) return false;
    throw new ErrnoError(failure, "flock", String(fd));
  };
  return {
    openat,
    open: (path, flags, mode) => openat(AT_FDCWD, path, flags, mode),
    openat2(dir, path, how) {
      const result = shim.crib_openat2(dir, cString(path, "path"), how.flags, how.mode ?? 0, how.resolve);
      return checkedShim(result, "openat2", path) as Fd;
    },
    close(fd) {
      // Linux has closed the descriptor even where it answers EINTR; closing again could hit another thread's.
      if (libc.close(fd) === -1 && errno() !== Errno.EINTR) throw new ErrnoError(errno(), "close", String(fd));
    },
    read(fd, into) {
      for (;;) {
        const got = Number(libc.read(fd, into, into));
        if (got >= 0) return got;
        const failure = errno();
        if (failure !== Errno.EINTR) throw new ErrnoError(failure, "read", String(fd));
      }
    },
    writeAll: (fd, bytes) => void checkedShim(shim.crib_write_all(fd, bytes, bytes), "write", String(fd)),
    ftruncate: (fd, length) => void checked(libc.ftruncate(fd, length), "ftruncate", String(fd)),
    fsync: (fd) => void checked(libc.fsync(fd), "fsync", String(fd)),
    syncfs: (fd) => void checked(libc.syncfs(fd), "syncfs", String(fd)),
    tryLockExclusive: (fd) => tryLock(fd, LOCK_EX_NB),
    tryLockShared: (fd) => tryLock(fd, LOCK_SH_NB),
  };
}

type DirectoryCalls = Pick<
  FileCalls,
  "readlinkat" | "nextNames" | "mkdirat" | "mknodat" | "symlinkat" | "linkat" | "unlinkat" | "renameat2" | "umask"
>;

/** Making, naming and removing entries of directories. */
export function directoryCalls({ libc, checked }: Calls): DirectoryCalls {
  return {
    readlinkat(dir, path) {
      const target = new Uint8Array(LINK_BYTES);
      const length = checked(Number(libc.readlinkat(dir, cString(path, "path"), target, target)), "readlinkat", path);
      return Buffer.from(target.subarray(0, length)).toString("utf8");
    },
    nextNames(dir) {
      const block = new Uint8Array(NAMES_BYTES);
      for (;;) {
        const length = checked(Number(libc.getdents64(dir, block, block)), "getdents64", String(dir));
        const names = parseNames(block.subarray(0, length));
        // A piece may hold nothing but the two names that are left out.
        if (names.length > 0 || length === 0) return names;
      }
    },
    mkdirat: (dir, path, mode) => void checked(libc.mkdirat(dir, cString(path, "path"), mode), "mkdirat", path),
    mknodat(dir, path, mode, major, minor) {
      checked(libc.mknodat(dir, cString(path, "path"), mode, makeDevice(major, minor)), "mknodat", path);
    },
    symlinkat(target, dir, path) {
      checked(libc.symlinkat(cString(target, "link target"), dir, cString(path, "path")), "symlinkat", path);
    },
    linkat(fromDir, from, toDir, to) {
      checked(libc.linkat(fromDir, cString(from, "path"), toDir, cString(to, "path"), 0), "linkat", to);
    },
    unlinkat(dir, path, directory) {
      checked(libc.unlinkat(dir, cString(path, "path"), directory ? AT_REMOVEDIR : 0), "unlinkat", path);
    },
    renameat2(fromDir, from, toDir, to, flags) {
      checked(libc.renameat2(fromDir, cString(from, "path"), toDir, cString(to, "path"), flags), "renameat2", to);
    },
    umask: (mask) => libc.umask(mask),
  };
}

/** `struct linux_dirent64` (getdents64(2)): inode, offset, 16 bits of length, a type, the name with its NUL. */
function parseNames(block: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const names: Uint8Array[] = [];
  for (let at = 0; at < block.length; at += view.getUint16(at + 16, true)) {
    const start = at + 19;
    const name = block.subarray(start, block.indexOf(0, start));
    const isDots = name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
    if (!isDots) names.push(name);
  }
  return names;
}

/** glibc's makedev(3): the numbers are interleaved so that old 16-bit device numbers keep their value. */
function makeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xffff_f000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffff_ff00n) << 12n) | (low & 0xffn);
}
