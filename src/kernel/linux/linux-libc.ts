import { dlopen, FFIType, read } from "bun:ffi";

/**
 * The calls that need nothing but libc: fixed arguments, a plain result, errno on -1. Sizes and offsets that fit a
 * double exactly are declared `_fast`, which spares a BigInt a call.
 */
export function openLibc() {
  return dlopen("libc.so.6", {
    __errno_location: { args: [], returns: "ptr" },
    bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
    fchmod: { args: ["i32", "u32"], returns: "i32" },
    fchown: { args: ["i32", "u32", "u32"], returns: "i32" },
    fchownat: { args: ["i32", "cstring", "u32", "u32", "i32"], returns: "i32" },
    // Variadic in C. It is called here only to seal the library's own memfd, before any shim exists; an int in the third
    // place travels in the same register on x86_64 and arm64.
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    flock: { args: ["i32", "i32"], returns: "i32" },
    fsetxattr: { args: ["i32", "cstring", "buffer", "buffer_length", "i32"], returns: "i32" },
    fsync: { args: ["i32"], returns: "i32" },
    ftruncate: { args: ["i32", "i64"], returns: "i32" },
    futimens: { args: ["i32", "buffer"], returns: "i32" },
    getdents64: { args: ["i32", "buffer", "buffer_length"], returns: FFIType.i64_fast },
    getpid: { args: [], returns: "i32" },
    getrlimit: { args: ["i32", "buffer"], returns: "i32" },
    kill: { args: ["i32", "i32"], returns: "i32" },
    linkat: { args: ["i32", "cstring", "i32", "cstring", "i32"], returns: "i32" },
    madvise: { args: ["u64", FFIType.u64_fast, "i32"], returns: "i32" },
    memfd_create: { args: ["cstring", "u32"], returns: "i32" },
    mkdirat: { args: ["i32", "cstring", "u32"], returns: "i32" },
    mknodat: { args: ["i32", "cstring", "u32", "u64"], returns: "i32" },
    mount: { args: ["cstring", "cstring", "cstring", FFIType.u64_fast, "cstring"], returns: "i32" },
    poll: { args: ["buffer", FFIType.u64_fast, "i32"], returns: "i32" },
    read: { args: ["i32", "buffer", "buffer_length"], returns: FFIType.i64_fast },
    readlinkat: { args: ["i32", "cstring", "buffer", "buffer_length"], returns: FFIType.i64_fast },
    renameat2: { args: ["i32", "cstring", "i32", "cstring", "u32"], returns: "i32" },
    sendto: { args: ["i32", "buffer", "buffer_length", "i32", "buffer", "u32"], returns: FFIType.i64_fast },
    setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
    setrlimit: { args: ["i32", "buffer"], returns: "i32" },
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    socketpair: { args: ["i32", "i32", "i32", "buffer"], returns: "i32" },
    statfs: { args: ["cstring", "buffer"], returns: "i32" },
    statx: { args: ["i32", "cstring", "i32", "u32", "buffer"], returns: "i32" },
    symlinkat: { args: ["cstring", "i32", "cstring"], returns: "i32" },
    syncfs: { args: ["i32"], returns: "i32" },
    umount2: { args: ["cstring", "i32"], returns: "i32" },
    umask: { args: ["u32"], returns: "u32" },
    unlinkat: { args: ["i32", "cstring", "i32"], returns: "i32" },
    utimensat: { args: ["i32", "cstring", "buffer", "i32"], returns: "i32" },
    write: { args: ["i32", "buffer", "buffer_length"], returns: FFIType.i64_fast },
  }).symbols;
}

export type Libc = ReturnType<typeof openLibc>;

/**
 * Reads this thread's errno. Its address never changes within a thread, so that nothing but a memory load lies between
 * a failing call and its errno (docs/decisions/0002-errno-right-after-the-call.md).
 */
export function errnoReader(libc: Libc): () => number {
  const location = libc.__errno_location();
  if (location === null) throw new Error("__errno_location returned NULL");
  return () => read.i32(location);
}
