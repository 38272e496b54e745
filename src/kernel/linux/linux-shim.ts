import { dlopen } from "bun:ffi";
import { internal } from "../../errors/crib-error.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { readArtifact } from "../artifacts.ts";
import { errnoReader, type Libc } from "./linux-libc.ts";

/** Must equal CRIB_ABI_VERSION of ffi/libcrib/crib.h. */
const ABI_VERSION = 1;

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE */
const EVERY_SEAL = 0xf;

function openAt(path: string) {
  return dlopen(path, {
    crib_abi_version: { args: [], returns: "i32" },
    crib_attach_device_program: { args: ["cstring", "buffer", "buffer_length", "buffer"], returns: "i32" },
    crib_converse: { args: ["cstring", "buffer", "buffer_length", "i32", "i32", "buffer"], returns: "i32" },
    crib_jobs_cancel: { args: ["ptr", "u32"], returns: "i32" },
    crib_jobs_open: { args: ["u32", "buffer"], returns: "i32" },
    crib_jobs_start: { args: ["ptr", "u32", "buffer", "buffer_length", "buffer", "u32"], returns: "i32" },
    crib_layer_mount: { args: ["cstring", "cstring", "buffer"], returns: "i32" },
    crib_listen_unix: { args: ["cstring", "i32", "buffer"], returns: "i32" },
    crib_connect_loopback: { args: ["i32", "i32", "i32", "buffer"], returns: "i32" },
    crib_connected: { args: ["i32"], returns: "i32" },
    crib_lsetxattrat: { args: ["i32", "cstring", "cstring", "buffer", "buffer_length"], returns: "i32" },
    crib_openat: { args: ["i32", "cstring", "i32", "u32"], returns: "i32" },
    crib_openat2: { args: ["i32", "cstring", "i32", "u32", "u32"], returns: "i32" },
    crib_overlay_view: { args: ["buffer", "u32", "buffer"], returns: "i32" },
    crib_pidfd_open: { args: ["i32"], returns: "i32" },
    crib_pidfd_send_signal: { args: ["i32", "i32"], returns: "i32" },
    crib_sealed_memfd: { args: ["cstring", "buffer", "buffer_length", "buffer"], returns: "i32" },
    crib_remove_tree: { args: ["i32", "cstring", "buffer"], returns: "i32" },
    crib_seccomp_add_arch: { args: ["ptr", "cstring"], returns: "i32" },
    crib_seccomp_add_rule: { args: ["ptr", "cstring", "u32", "buffer", "u32"], returns: "i32" },
    crib_seccomp_export: { args: ["ptr", "buffer", "buffer_length"], returns: "i32" },
    crib_seccomp_free: { args: ["ptr"], returns: "void" },
    crib_seccomp_new: { args: ["u32", "buffer"], returns: "i32" },
    crib_send_aside: { args: ["i32", "buffer", "buffer_length"], returns: "i32" },
    crib_tree_usage: { args: ["cstring", "buffer", "buffer"], returns: "i32" },
    crib_write_all: { args: ["i32", "buffer", "buffer_length"], returns: "i32" },
  }).symbols;
}

export type Shim = ReturnType<typeof openAt>;

/** Loads libcrib.so from a sealed memfd; the mapping keeps it alive, the descriptor is closed again. */
export function openShim(libc: Libc): Shim {
  const errno = errnoReader(libc);
  const fd = libc.memfd_create("libcrib.so", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) throw new ErrnoError(errno(), "memfd_create", "libcrib.so");
  try {
    const bytes = readArtifact("libcrib.so");
    const wrote = Number(libc.write(fd, bytes, bytes));
    if (wrote < 0) throw new ErrnoError(errno(), "write", "libcrib.so");
    if (wrote !== bytes.length) throw internal(`wrote ${wrote} of ${bytes.length} bytes of libcrib.so`);
    if (libc.fcntl(fd, F_ADD_SEALS, EVERY_SEAL) < 0) throw new ErrnoError(errno(), "fcntl F_ADD_SEALS", "libcrib.so");
    return checkVersion(openAt(`/proc/self/fd/${fd}`));
  } finally {
    libc.close(fd);
  }
}

function checkVersion(shim: Shim): Shim {
  const found = shim.crib_abi_version();
  if (found !== ABI_VERSION) {
    throw internal(`libcrib.so has ABI version ${found}, this crib needs ${ABI_VERSION}: run npm run build`);
  }
  return shim;
}
