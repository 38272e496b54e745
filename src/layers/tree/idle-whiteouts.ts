import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { Fd } from "../../ids/process.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../kernel/open-flags.ts";
import type { FileStat, Kernel } from "../../kernel/port.ts";
import { RESOLVE_NO_SYMLINKS } from "../../kernel/resolve-flags.ts";
import { splitEntryPath } from "../entry-path.ts";
import { isWhiteoutNode } from "./layer-root.ts";
import { resolveInRoot } from "./resolve-in-root.ts";

/**
 * Removes the whiteouts of a layer that hide nothing, for overlayfs would show them as names without files where a directory is
 * of this layer alone. A directory's time stays what it was.
 *
 * @param view the merged layers below; undefined for the bottom layer. @returns how many were removed.
 */
export function dropIdleWhiteouts(
  kernel: Kernel,
  layer: Fd,
  whiteouts: readonly string[],
  view: Fd | undefined,
): number {
  let removed = 0;
  const byDirectory = Map.groupBy(whiteouts, (path) => splitEntryPath(path).parent);
  for (const [parent, paths] of byDirectory) {
    using own = openDirectory(kernel, layer, parent);
    if (own === undefined) continue;
    using below = view === undefined ? undefined : openDirectory(kernel, view, parent);
    const { mtimeNs } = kernel.fstat(own.fd);
    const before = removed;
    for (const path of paths) {
      const { base } = splitEntryPath(path);
      if (below !== undefined && lookup(kernel, below.fd, base) !== undefined) continue;
      const found = lookup(kernel, own.fd, base);
      if (found === undefined || !isWhiteoutNode(found)) continue;
      kernel.unlinkat(own.fd, base, false);
      removed++;
    }
    if (removed > before) kernel.futimens(own.fd, mtimeNs, mtimeNs);
  }
  return removed;
}

/** Undefined when it is no directory there: behind a link, the layer's own directory hides all of it. */
function openDirectory(kernel: Kernel, root: Fd, path: string): ({ readonly fd: Fd } & Disposable) | undefined {
  try {
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const how = { flags, resolve: resolveInRoot | RESOLVE_NO_SYMLINKS };
    const fd = kernel.openat2(root, path === "" ? "." : path, how);
    return { fd, [Symbol.dispose]: () => kernel.close(fd) };
  } catch (error) {
    if (error instanceof ErrnoError && absent.has(error.errno)) return undefined;
    throw error;
  }
}

const absent: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP]);

function lookup(kernel: Kernel, directory: Fd, base: string): FileStat | undefined {
  try {
    return kernel.lstatat(directory, base);
  } catch (error) {
    if (error instanceof ErrnoError && absent.has(error.errno)) return undefined;
    throw error;
  }
}

/** Those of `whiteouts` that hide nothing. @param view the merged layers below; undefined for the bottom layer. */
export function idleWhiteouts(kernel: Kernel, whiteouts: readonly string[], view: Fd | undefined): readonly string[] {
  if (view === undefined) return whiteouts;
  const idle: string[] = [];
  for (const [parent, paths] of Map.groupBy(whiteouts, (path) => splitEntryPath(path).parent)) {
    using below = openDirectory(kernel, view, parent);
    for (const path of paths) {
      if (below === undefined || lookup(kernel, below.fd, splitEntryPath(path).base) === undefined) idle.push(path);
    }
  }
  return idle;
}
