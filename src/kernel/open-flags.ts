// Made of ffi/numbers.json: change that, then `npm run gen`.

import type { Fd } from "../ids/process.ts";

/** arm64 has arm's numbers (arch/arm64/include/uapi/asm/fcntl.h): x86's O_NOFOLLOW stands there for O_LARGEFILE. */
const byArchitecture = {
  x64: {
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
    O_TMPFILE: 0o20200000,
  },
  arm64: {
    O_DIRECTORY: 0o40000,
    O_NOFOLLOW: 0o100000,
    O_TMPFILE: 0o20040000,
  },
};

/** The flags whose numbers differ between architectures. */
export function archOpenFlags(arch: string): (typeof byArchitecture)["x64" | "arm64"] {
  return arch === "arm64" ? byArchitecture.arm64 : byArchitecture.x64;
}

const ofArchitecture = archOpenFlags(process.arch);

// open(2) flags; O_CLOEXEC is added by the kernel adapter and absent on purpose.
export const O_RDONLY = 0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = ofArchitecture.O_DIRECTORY;
export const O_NOFOLLOW = ofArchitecture.O_NOFOLLOW;
export const O_NOATIME = 0o1000000;
export const O_PATH = 0o10000000;
export const O_TMPFILE = ofArchitecture.O_TMPFILE;

/** The `*at` family: "relative to the working directory". */
export const AT_FDCWD = -100 as Fd;

// renameat2(2).
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
export const RENAME_WHITEOUT = 4;

// `st_mode`: the file type under `S_IFMT`, then the special bits.
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;
