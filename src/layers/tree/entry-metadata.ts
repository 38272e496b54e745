import { chmodSync } from "node:fs";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Fd } from "../../ids/process.ts";
import { O_NOFOLLOW, O_PATH } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { TarEntry } from "../tar/tar-entry.ts";

/**
 * Which extended attributes of an image reach the disk. File capabilities and POSIX ACLs are part of what an image
 * says; `user.` ones are the application's. Overlay's own would let an archive redirect a directory anywhere in the
 * stack, security labels are the node's to give, and the rest of `trusted.` no container can see.
 */
export function keepsXattr(name: string): boolean {
  if (name === "security.capability") return true;
  if (name === "system.posix_acl_access" || name === "system.posix_acl_default") return true;
  return name.startsWith("user.") && name !== "user." && !name.startsWith("user.overlay.") && !name.includes("\0");
}

/**
 * Gives what was just made what its member says, in this order: owner, mode (chown clears setuid), attributes (chown
 * clears capabilities), times (all of them move ctime, none mtime).
 */
export class EntryMetadata {
  readonly #kernel: Kernel;
  #droppedXattrs = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Attributes the filesystem does not support. */
  get droppedXattrs(): number {
    return this.#droppedXattrs;
  }

  /** For files and directories; a directory's times are set later. */
  set(fd: Fd, entry: TarEntry): void {
    this.#kernel.fchown(fd, entry.uid, entry.gid);
    this.#kernel.fchmod(fd, entry.mode);
    for (const [name, value] of entry.xattrs) {
      if (keepsXattr(name)) this.#tolerateUnsupported(() => this.#kernel.fsetxattr(fd, name, value));
    }
    if (entry.kind === "file") this.#kernel.futimens(fd, entry.mtimeNs, entry.mtimeNs);
  }

  /** For links and nodes, which must not be opened: a device's open has effects, a fifo's waits. */
  setByName(parent: Fd, base: string, entry: TarEntry): void {
    this.#kernel.lchownat(parent, base, entry.uid, entry.gid);
    if (entry.kind !== "symlink") this.#setNodeMode(parent, base, entry.mode);
    for (const [name, value] of entry.xattrs) {
      // The kernel has no user attributes on either, and no ACLs on links.
      if (name.startsWith("security.") && keepsXattr(name)) {
        this.#tolerateUnsupported(() => this.#kernel.lsetxattrat(parent, base, name, value));
      }
    }
    this.#kernel.lutimensat(parent, base, entry.mtimeNs, entry.mtimeNs);
  }

  /** mknod's mode went through the process's umask; an O_PATH descriptor names the node without opening it. */
  #setNodeMode(parent: Fd, base: string, mode: number): void {
    const fd = this.#kernel.openat(parent, base, O_PATH | O_NOFOLLOW);
    try {
      chmodSync(`/proc/self/fd/${fd}`, mode);
    } finally {
      this.#kernel.close(fd);
    }
  }

  #tolerateUnsupported(set: () => void): void {
    try {
      set();
    } catch (error) {
      if (!hasErrno(error, "EOPNOTSUPP")) throw error;
      this.#droppedXattrs++;
    }
  }
}
