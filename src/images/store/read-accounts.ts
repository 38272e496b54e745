import { failedPrecondition } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Fd } from "../../ids/process.ts";
import { O_NONBLOCK, O_PATH, O_RDONLY, S_IFMT, S_IFREG } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import { resolveInRoot } from "../../layers/tree/resolve-in-root.ts";
import type { ImageAccounts } from "../port.ts";
import { maxAccountFileBytes, maxAccountLineBytes, parseGroup, parsePasswd } from "./account-files.ts";

/**
 * /etc/passwd and /etc/group of a stack of layers, read through a read-only overlay that is attached nowhere. Missing
 * files are empty.
 * @throws {CribError} failed-precondition for anything but a regular file of reasonable size (CVE-2025-4437).
 */
export function readAccounts(kernel: Kernel, lowerDirs: readonly HostPath[]): ImageAccounts {
  const root = kernel.openOverlayView(lowerDirs);
  try {
    return Object.freeze({
      users: parsePasswd(readAccountFile(kernel, root, "etc/passwd")),
      groups: parseGroup(readAccountFile(kernel, root, "etc/group")),
    });
  } finally {
    kernel.close(root);
  }
}

const absent: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ENOTDIR]);

function readAccountFile(kernel: Kernel, root: Fd, path: string): string {
  let found: Fd;
  try {
    found = kernel.openat2(root, path, { flags: O_PATH, resolve: resolveInRoot });
  } catch (error) {
    if (error instanceof ErrnoError && absent.has(error.errno)) return "";
    if (error instanceof ErrnoError)
      throw failedPrecondition(`the image's /${path} cannot be opened: ${error.message}`, error);
    throw error;
  }
  try {
    const stat = kernel.fstat(found);
    if ((stat.mode & S_IFMT) !== S_IFREG) throw failedPrecondition(`the image's /${path} is not a regular file`);
    if (stat.size > BigInt(maxAccountFileBytes)) {
      throw failedPrecondition(`the image's /${path} is ${stat.size} bytes long, over ${maxAccountFileBytes}`);
    }
    const bytes = readWhole(kernel, found, Number(stat.size));
    checkLines(bytes, path);
    return new TextDecoder().decode(bytes);
  } finally {
    kernel.close(found);
  }
}

/** `found` is an O_PATH descriptor, so that no fifo or device was opened before its type was known. */
function readWhole(kernel: Kernel, found: Fd, sizeBytes: number): Uint8Array {
  const fd = kernel.open(`/proc/self/fd/${found}`, O_RDONLY | O_NONBLOCK);
  try {
    const bytes = new Uint8Array(sizeBytes);
    let have = 0;
    while (have < sizeBytes) {
      const count = kernel.read(fd, bytes.subarray(have));
      if (count === 0) break;
      have += count;
    }
    return bytes.subarray(0, have);
  } finally {
    kernel.close(fd);
  }
}

function checkLines(bytes: Uint8Array, path: string): void {
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    if (end - start > maxAccountLineBytes)
      throw failedPrecondition(`the image's /${path} has a line over ${maxAccountLineBytes} bytes`);
    start = end + 1;
  }
}
