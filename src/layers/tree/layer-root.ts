import { hasErrno } from "../../errors/has-errno.ts";
import { isMissing } from "../../errors/is-missing.ts";
import type { Fd } from "../../ids/process.ts";
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from "../../kernel/open-flags.ts";
import type { FileStat, Kernel } from "../../kernel/port.ts";
import { cleanEntryPath, joinEntryPath, splitEntryPath } from "../entry-path.ts";
import { refusedLayer } from "../layer-error.ts";
import { removeTree } from "../remove-tree.ts";
import { resolveInRoot } from "./resolve-in-root.ts";

const maxCached = 128;
const maxLinks = 40;
/** No honest archive does it often; each time costs a walk over what is known. */
const maxReplacedTrees = 10_000;

/**
 * The directory a layer is unpacked into, and the only way the applier reaches below it.
 *
 * A member's parent directory is resolved by openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS) once and its descriptor
 * kept; what happens in it uses single components and *at calls. No path is ever joined to a host path, so whatever
 * links the archive made, nothing outside can be named (CVE-2014-9356, CVE-2021-32760, CVE-2026-23745).
 */
export class LayerRoot implements Disposable {
  readonly fd: Fd;
  /** Directories made because a member needed them, without a member of their own. */
  readonly implicit = new Set<string>();
  /** Directories that hide what the layers below have in them. */
  readonly opaque = new Set<string>();
  readonly #kernel: Kernel;
  readonly #parents = new Map<string, Fd>();
  readonly #maxNameBytes: number;
  #nameBytes = 0;
  #made = 0;
  #replacedTrees = 0;

  /**
   * @param fd an open directory; closed by dispose.
   * @param maxNameBytes bound on the names of implicit directories: one member of 4 KiB may ask for two thousand.
   */
  constructor(kernel: Kernel, fd: Fd, maxNameBytes: number) {
    this.#maxNameBytes = maxNameBytes;
    this.#kernel = kernel;
    this.fd = fd;
  }

  /** Inodes made for implicit directories. */
  get implicitInodes(): number {
    return this.#made;
  }

  [Symbol.dispose](): void {
    this.forgetParents();
    this.#kernel.close(this.fd);
  }

  /** An O_PATH descriptor of the directory `path`, made if absent; valid until the next call on this object. */
  parent(path: string): Fd {
    if (path === "") return this.fd;
    const cached = this.#parents.get(path);
    if (cached !== undefined) return cached;
    const fd = this.#openDirectory(path) ?? this.#makeDirectories(path);
    if (this.#parents.size >= maxCached) this.forgetParents();
    this.#parents.set(path, fd);
    return fd;
  }

  /** Drops kept descriptors: call it whenever something that existed is removed or replaced. */
  forgetParents(): void {
    for (const fd of this.#parents.values()) this.#kernel.close(fd);
    this.#parents.clear();
  }

  /** lstat, or undefined when there is nothing. */
  lookup(parent: Fd, base: string): FileStat | undefined {
    try {
      return this.#kernel.lstatat(parent, base);
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  /**
   * Removes `path`, a tree or a single file, so that a later member of the same name can take its place.
   * @returns whether it was a directory, and what is known of names below it no longer holds.
   */
  clear(path: string): boolean {
    const { parent, base } = splitEntryPath(path);
    const dir = this.parent(parent);
    const type = this.#kernel.lstatat(dir, base).mode & S_IFMT;
    if (type !== S_IFDIR) {
      this.#kernel.unlinkat(dir, base, false);
      if (type === S_IFLNK) this.forgetParents();
      return false;
    }
    if (++this.#replacedTrees > maxReplacedTrees)
      throw refusedLayer(`it replaces more than ${maxReplacedTrees} directories of its own`);
    removeTree(this.#kernel, dir, base);
    this.forgetParents();
    for (const names of [this.implicit, this.opaque]) {
      for (const known of names) if (known === path || known.startsWith(`${path}/`)) names.delete(known);
    }
    return true;
  }

  /** Marks a directory as hiding the lower layers' (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque"). */
  markOpaque(path: string): void {
    // Told again and again by some archives: once is enough (CVE-2026-53495).
    if (this.opaque.has(path)) return;
    this.opaque.add(path);
    const dir = this.#kernel.openat2(this.fd, path === "" ? "." : path, {
      flags: O_RDONLY | O_DIRECTORY,
      resolve: resolveInRoot,
    });
    try {
      this.#kernel.fsetxattr(dir, "trusted.overlay.opaque", opaqueValue);
    } finally {
      this.#kernel.close(dir);
    }
  }

  #openDirectory(path: string): Fd | undefined {
    try {
      return this.#kernel.openat2(this.fd, path, { flags: O_PATH | O_DIRECTORY, resolve: resolveInRoot });
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (hasErrno(error, "ELOOP")) throw refusedLayer(`links loop at ${JSON.stringify(path.slice(0, 200))}`);
      throw error;
    }
  }

  /** mkdir -p below the root, through the archive's own links, dangling ones included. */
  #makeDirectories(path: string): Fd {
    let links = 0;
    const todo = path.split("/");
    let reached = "";
    while (todo.length > 0) {
      const base = todo.shift() ?? "";
      const here = reached === "" ? base : `${reached}/${base}`;
      const parent = reached === "" ? this.fd : this.#openDirectory(reached);
      if (parent === undefined) throw refusedLayer(`${JSON.stringify(reached.slice(0, 200))} is not a directory`);
      try {
        const found = this.lookup(parent, base);
        if (found !== undefined && (found.mode & S_IFMT) === S_IFLNK) {
          if (++links > maxLinks) throw refusedLayer(`links loop at ${JSON.stringify(path.slice(0, 200))}`);
          const target = this.#kernel.readlinkat(parent, base);
          const resolved = joinEntryPath(cleanEntryPath(target.startsWith("/") ? target : `${reached}/${target}`));
          todo.unshift(...(resolved === "" ? [] : resolved.split("/")));
          reached = "";
        } else {
          this.#makeDirectory(parent, base, here, found);
          reached = here;
        }
      } finally {
        if (parent !== this.fd) this.#kernel.close(parent);
      }
    }
    const fd = this.#openDirectory(reached === "" ? "." : reached);
    if (fd === undefined) throw refusedLayer(`${JSON.stringify(path.slice(0, 200))} is not a directory`);
    return fd;
  }

  #makeDirectory(parent: Fd, base: string, path: string, found: FileStat | undefined): void {
    const isWhiteout = found !== undefined && isWhiteoutNode(found);
    if (isWhiteout) this.#kernel.unlinkat(parent, base, false);
    else if (found !== undefined) {
      if ((found.mode & S_IFMT) === S_IFDIR) return;
      throw refusedLayer(`${JSON.stringify(path.slice(0, 200))} is used as a directory and is not one`);
    }
    this.#kernel.mkdirat(parent, base, 0o755);
    const dir = this.#kernel.openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      this.#kernel.fchmod(dir, 0o755);
      if (isWhiteout) {
        this.#kernel.fsetxattr(dir, "trusted.overlay.opaque", opaqueValue);
        this.opaque.add(path);
      }
    } finally {
      this.#kernel.close(dir);
    }
    this.#made++;
    this.implicit.add(path);
    this.#nameBytes += path.length + 64;
    if (this.#nameBytes > this.#maxNameBytes) throw refusedLayer("it has too many directories");
  }
}

const opaqueValue = new TextEncoder().encode("y");

/** The character device 0:0 that overlayfs reads as "nothing here". */
export function isWhiteoutNode(stat: FileStat): boolean {
  return (stat.mode & S_IFMT) === S_IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}
