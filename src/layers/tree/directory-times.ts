import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { Fd } from "../../ids/process.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import { refusedLayer } from "../layer-error.ts";
import { resolveInRoot } from "./resolve-in-root.ts";

/** Times of directories, kept until the last member: every file made in a directory moves them. */
export class DirectoryTimes {
  readonly #timesNs = new Map<string, bigint>();
  readonly #maxNameBytes: number;
  #nameBytes = 0;

  constructor(maxNameBytes: number) {
    this.#maxNameBytes = maxNameBytes;
  }

  /** @throws {CribError} failed-precondition when there are more names than memory should hold. */
  set(path: string, mtimeNs: bigint): void {
    if (!this.#timesNs.has(path)) this.#nameBytes += path.length + 64;
    if (this.#nameBytes > this.#maxNameBytes) throw refusedLayer("it has too many directories");
    this.#timesNs.set(path, mtimeNs);
  }

  /** Forgets a removed directory and all below it. */
  forget(path: string): void {
    this.#timesNs.delete(path);
    for (const known of this.#timesNs.keys()) {
      if (known.startsWith(`${path}/`)) this.#timesNs.delete(known);
    }
  }

  /** Sets them all, below `root`. */
  apply(kernel: Kernel, root: Fd): void {
    for (const [path, mtimeNs] of this.#timesNs) {
      const fd = openDirectory(kernel, root, path);
      if (fd === undefined) continue;
      try {
        kernel.futimens(fd, mtimeNs, mtimeNs);
      } finally {
        kernel.close(fd);
      }
    }
  }
}

const replaced: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP]);

/** Undefined when a link on the way was replaced later: the directory has another name now, or none. */
function openDirectory(kernel: Kernel, root: Fd, path: string): Fd | undefined {
  try {
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    return kernel.openat2(root, path === "" ? "." : path, { flags, resolve: resolveInRoot });
  } catch (error) {
    if (error instanceof ErrnoError && replaced.has(error.errno)) return undefined;
    throw error;
  }
}
