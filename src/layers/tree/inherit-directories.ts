import { isMissing } from "../../errors/is-missing.ts";
import type { Fd } from "../../ids/process.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, S_IFDIR, S_IFLNK, S_IFMT } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import { RESOLVE_NO_SYMLINKS } from "../../kernel/resolve-flags.ts";
import { cleanEntryPath, joinEntryPath } from "../entry-path.ts";
import type { InheritedDirectory } from "../native/orders.ts";
import type { RewrittenDirectories } from "./path-rewrite.ts";
import { resolveInRoot } from "./resolve-in-root.ts";

const maxLinks = 40;

/**
 * Directories an archive implies without a member of their own take owner, mode and times from the layers below, as
 * they would if the archive were unpacked over them: else a layer with only `tmp/x` would turn `/tmp` into 0755.
 *
 * @param view the merged layers below; undefined for the bottom layer.
 * @returns directories that are links below: the archive must be unpacked again with these rewritten.
 */
export function inheritDirectories(
  kernel: Kernel,
  layer: Fd,
  implicit: readonly string[],
  view: Fd | undefined,
): RewrittenDirectories {
  const { rewritten, inherited } = findDirectories(kernel, implicit, view);
  for (const directory of inherited) setMetadata(kernel, layer, directory);
  return rewritten;
}

/** What is below a layer under the names of its implied directories. */
export interface FoundDirectories {
  /** Those that are links below, with the directories they mean. */
  readonly rewritten: RewrittenDirectories;
  readonly inherited: readonly InheritedDirectory[];
}

/** @param view the merged layers below; undefined for the bottom layer. */
export function findDirectories(kernel: Kernel, implicit: readonly string[], view: Fd | undefined): FoundDirectories {
  const rewritten = new Map<string, string>();
  const inherited: InheritedDirectory[] = [];
  if (view === undefined) return { rewritten, inherited };
  for (const path of [...implicit].sort()) {
    const meant = resolveDirectory(kernel, view, path);
    if (meant === undefined) continue;
    if (meant !== path) rewritten.set(path, meant);
    else inherited.push(readMetadata(kernel, view, path));
  }
  return { rewritten, inherited };
}

/** The directory `path` names in the view with every link followed; undefined when there is none. */
function resolveDirectory(kernel: Kernel, view: Fd, path: string): string | undefined {
  let todo = path === "" ? [] : path.split("/");
  let reached = "";
  for (let links = 0; todo.length > 0; ) {
    const here = reached === "" ? (todo[0] ?? "") : `${reached}/${todo[0] ?? ""}`;
    const type = typeOf(kernel, view, here);
    if (type === S_IFDIR) {
      reached = here;
      todo = todo.slice(1);
    } else if (type === S_IFLNK && links < maxLinks) {
      links++;
      const target = kernel.readlinkat(view, here);
      const resolved = joinEntryPath(cleanEntryPath(target.startsWith("/") ? target : `${reached}/${target}`));
      todo = [...(resolved === "" ? [] : resolved.split("/")), ...todo.slice(1)];
      reached = "";
    } else return undefined;
  }
  return reached;
}

/** `path` has no link but perhaps its last component: all before were resolved. */
function typeOf(kernel: Kernel, view: Fd, path: string): number | undefined {
  try {
    return kernel.lstatat(view, path).mode & S_IFMT;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function readMetadata(kernel: Kernel, view: Fd, path: string): InheritedDirectory {
  const how = { flags: O_PATH | O_DIRECTORY, resolve: resolveInRoot };
  const source = kernel.openat2(view, path === "" ? "." : path, how);
  try {
    const { uid, gid, mode, mtimeNs } = kernel.fstat(source);
    return { path, uid, gid, mode: mode & 0o7777, mtimeNs };
  } finally {
    kernel.close(source);
  }
}

function setMetadata(kernel: Kernel, layer: Fd, { path, uid, gid, mode, mtimeNs }: InheritedDirectory): void {
  const target = kernel.openat2(layer, path === "" ? "." : path, {
    flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
    resolve: resolveInRoot | RESOLVE_NO_SYMLINKS,
  });
  try {
    kernel.fchown(target, uid, gid);
    kernel.fchmod(target, mode);
    kernel.futimens(target, mtimeNs, mtimeNs);
  } finally {
    kernel.close(target);
  }
}
