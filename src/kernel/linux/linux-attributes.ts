import type { Fd } from "../../ids/process.ts";
import type { FileCalls, FileStat, FilesystemStat } from "../port.ts";
import { cString } from "./c-string.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256;
const STATFS_BYTES = 120;
const NANOSECONDS = 1_000_000_000n;

type AttributeCalls = Pick<
  FileCalls,
  | "fstat"
  | "lstatat"
  | "statfs"
  | "fchown"
  | "lchownat"
  | "fchmod"
  | "futimens"
  | "lutimensat"
  | "fsetxattr"
  | "lsetxattrat"
>;

/** What is known about files: type, owner, mode, times, extended attributes. */
export function attributeCalls({ libc, shim, checked }: Calls): AttributeCalls {
  const stat = (dir: Fd, path: string, flags: number, shown: string): FileStat => {
    const buffer = new Uint8Array(STATX_BYTES);
    checked(libc.statx(dir, cString(path, "path"), flags, STATX_BASIC_STATS, buffer), "statx", shown);
    return readStatx(buffer);
  };
  return {
    fstat: (fd) => stat(fd, "", AT_EMPTY_PATH, String(fd)),
    lstatat: (dir, path) => stat(dir, path, AT_SYMLINK_NOFOLLOW, path),
    statfs(path) {
      const buffer = new Uint8Array(STATFS_BYTES);
      checked(libc.statfs(cString(path, "path"), buffer), "statfs", path);
      return readStatfs(buffer);
    },
    fchown: (fd, uid, gid) => void checked(libc.fchown(fd, uid, gid), "fchown", String(fd)),
    lchownat(dir, path, uid, gid) {
      checked(libc.fchownat(dir, cString(path, "path"), uid, gid, AT_SYMLINK_NOFOLLOW), "fchownat", path);
    },
    fchmod: (fd, mode) => void checked(libc.fchmod(fd, mode), "fchmod", String(fd)),
    futimens(fd, atimeNs, mtimeNs) {
      checked(libc.futimens(fd, timespecs(atimeNs, mtimeNs)), "futimens", String(fd));
    },
    lutimensat(dir, path, atimeNs, mtimeNs) {
      const times = timespecs(atimeNs, mtimeNs);
      checked(libc.utimensat(dir, cString(path, "path"), times, AT_SYMLINK_NOFOLLOW), "utimensat", path);
    },
    fsetxattr(fd, name, value) {
      checked(libc.fsetxattr(fd, cString(name, "attribute"), value, value, 0), "fsetxattr", name);
    },
    lsetxattrat(dir, path, name, value) {
      const result = shim.crib_lsetxattrat(dir, cString(path, "path"), cString(name, "attribute"), value, value);
      checkedShim(result, `lsetxattr ${name}`, path);
    },
  };
}

/** `struct statx`, include/uapi/linux/stat.h: the same layout on every architecture. */
function readStatx(buffer: Uint8Array): FileStat {
  const view = new DataView(buffer.buffer);
  return {
    links: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    inode: view.getBigUint64(32, true),
    size: view.getBigUint64(40, true),
    blocks512: view.getBigUint64(48, true),
    mtimeNs: view.getBigInt64(112, true) * NANOSECONDS + BigInt(view.getUint32(120, true)),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
    deviceMajor: view.getUint32(136, true),
    deviceMinor: view.getUint32(140, true),
  };
}

/** `struct statfs` of 64-bit Linux; counts are in units of f_frsize. */
function readStatfs(buffer: Uint8Array): FilesystemStat {
  const view = new DataView(buffer.buffer);
  const unit = view.getBigInt64(72, true);
  return {
    type: Number(view.getBigUint64(0, true)),
    totalBytes: view.getBigUint64(16, true) * unit,
    availableBytes: view.getBigUint64(32, true) * unit,
    totalInodes: view.getBigUint64(40, true),
    freeInodes: view.getBigUint64(48, true),
  };
}

/** Two `struct timespec`. tv_nsec must be 0…999999999 also before 1970, so seconds round down. */
function timespecs(atimeNs: bigint, mtimeNs: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  for (const [index, time] of [atimeNs, mtimeNs].entries()) {
    const nanoseconds = ((time % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
    view.setBigInt64(index * 16, (time - nanoseconds) / NANOSECONDS, true);
    view.setBigInt64(index * 16 + 8, nanoseconds, true);
  }
  return new Uint8Array(view.buffer);
}
