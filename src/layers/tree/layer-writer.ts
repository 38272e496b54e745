import { hasErrno } from "../../errors/has-errno.ts";
import type { Fd } from "../../ids/process.ts";
import {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
} from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import { cleanEntryPath, type EntryPath, joinEntryPath } from "../entry-path.ts";
import { damagedLayer, refusedLayer } from "../layer-error.ts";
import type { LayerLimits } from "../layer-limits.ts";
import type { TarEntry, TarSink } from "../tar/tar-entry.ts";
import { DirectoryTimes } from "./directory-times.ts";
import { EntryMetadata } from "./entry-metadata.ts";
import { HardLinks } from "./hard-links.ts";
import { isWhiteoutNode, type LayerRoot } from "./layer-root.ts";
import type { PathRewrite } from "./path-rewrite.ts";
import { parseWhiteout } from "./whiteout.ts";
import { Whiteouts } from "./whiteouts.ts";

const blockBytes = 4096;

/** What a layer takes on disk, in whole blocks, counted while writing so that it need not be walked later. */
export interface LayerSize {
  readonly diskBytes: number;
  readonly inodes: number;
  /** Attributes the filesystem does not support. */
  readonly droppedXattrs: number;
  /** Names that the layer hides of those below. */
  readonly whiteouts: readonly string[];
}

/**
 * Writes the members of a layer archive into a directory that overlayfs can take as a lower one.
 *
 * Each member is made with exclusive *at calls in its parent (see LayerRoot) and changed only through the descriptor
 * it was created with.
 */
export class LayerWriter implements TarSink {
  readonly #kernel: Kernel;
  readonly #root: LayerRoot;
  readonly #rewrite: PathRewrite;
  readonly #metadata: EntryMetadata;
  readonly #times: DirectoryTimes;
  #file: { readonly fd: Fd; readonly entry: TarEntry; length: number } | undefined;
  readonly #maxFileBytes: number;
  #diskBytes = 0;
  #inodes = 0;
  #rootSeen = false;
  readonly #whiteouts: Whiteouts;
  readonly #hardLinks: HardLinks;

  constructor(kernel: Kernel, root: LayerRoot, limits: LayerLimits, rewrite: PathRewrite) {
    this.#kernel = kernel;
    this.#root = root;
    this.#metadata = new EntryMetadata(kernel);
    this.#times = new DirectoryTimes(limits.maxDirectoryNameBytes);
    this.#rewrite = rewrite;
    this.#hardLinks = new HardLinks(kernel, root, rewrite, (path, make) => this.#create(path, make));
    this.#whiteouts = new Whiteouts(kernel, root, limits.maxDirectoryNameBytes);
    this.#maxFileBytes = limits.maxArchiveBytes;
  }

  begin(entry: TarEntry): void {
    const path = this.#rewrite(cleanEntryPath(entry.name));
    if (path.base === "") {
      this.#setRoot(entry);
      return;
    }
    const whiteout = parseWhiteout(path.base);
    switch (whiteout.kind) {
      case "none":
        this.#make(entry, path);
        return;
      case "file":
        this.#whiteout({ parent: path.parent, base: whiteout.name });
        return;
      case "opaque":
        // `parent` first: the directory may not have been seen yet.
        this.#root.parent(path.parent);
        this.#root.markOpaque(path.parent);
        return;
      case "aufs-metadata":
        return;
    }
  }

  data(bytes: Uint8Array): void {
    if (this.#file === undefined) return;
    this.#kernel.writeAll(this.#file.fd, bytes);
    this.#file.length += bytes.length;
  }

  /** A sparse file is written at its end, wherever that is by now: making the file longer is making a hole. */
  hole(length: number): void {
    if (this.#file === undefined) return;
    this.#file.length += length;
    this.#kernel.ftruncate(this.#file.fd, BigInt(this.#file.length));
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      this.#metadata.set(file.fd, file.entry);
    } finally {
      this.#kernel.close(file.fd);
    }
  }

  /** Sets the times of directories. Call it once, after the last member. */
  finish(): LayerSize {
    this.#hardLinks.makeLate();
    this.#inodes -= this.#whiteouts.dropHidden();
    if (!this.#rootSeen) this.#root.implicit.add("");
    for (const path of this.#root.implicit) this.#times.set(path, 0n);
    this.#times.apply(this.#kernel, this.#root.fd);
    const implicit = this.#root.implicitInodes;
    return {
      diskBytes: this.#diskBytes + (implicit + 1) * blockBytes,
      inodes: this.#inodes + implicit + 1,
      droppedXattrs: this.#metadata.droppedXattrs,
      whiteouts: this.#whiteouts.names,
    };
  }

  /** Closes the file a failed member left open. */
  abandon(): void {
    if (this.#file !== undefined) this.#kernel.close(this.#file.fd);
    this.#file = undefined;
  }

  #make(entry: TarEntry, path: EntryPath): void {
    switch (entry.kind) {
      case "file": {
        // Bytes that the archive holds are counted as they come; holes cost nothing and are seen here alone.
        if (entry.sizeBytes > Math.max(this.#maxFileBytes, entry.storedBytes))
          throw refusedLayer(`${quoted(path)} is ${entry.sizeBytes} bytes long, over ${this.#maxFileBytes}`);
        this.#count(entry.storedBytes);
        const append = entry.storedBytes < entry.sizeBytes ? O_APPEND : 0;
        this.#file = {
          fd: this.#create(path, (parent) =>
            this.#kernel.openat(parent, path.base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | append, 0o600),
          ),
          entry,
          length: 0,
        };
        return;
      }
      case "directory":
        this.#makeDirectory(entry, path);
        return;
      case "hardlink":
        this.#hardLinks.make(entry, path);
        return;
      case "symlink":
        if (entry.linkName === "") throw damagedLayer(`symbolic link ${quoted(path)} has no target`);
        this.#count(0);
        this.#create(path, (parent) => this.#kernel.symlinkat(entry.linkName, parent, path.base));
        this.#metadata.setByName(this.#root.parent(path.parent), path.base, entry);
        return;
      case "fifo":
        this.#makeNode(entry, path, S_IFIFO, 0, 0);
        return;
      case "character":
        // 0:0 is overlayfs's own whiteout, archived by a builder from an upper directory: it is one here, too.
        this.#makeNode(entry, path, S_IFCHR, entry.deviceMajor, entry.deviceMinor);
        return;
      case "block":
        this.#makeNode(entry, path, S_IFBLK, entry.deviceMajor, entry.deviceMinor);
        return;
    }
  }

  /** Runs `make` with the parent's descriptor; an older member of that name gives way, its tree with it. */
  #create<T>(path: EntryPath, make: (parent: Fd) => T): T {
    try {
      return make(this.#root.parent(path.parent));
    } catch (error) {
      if (!hasErrno(error, "EEXIST")) throw error;
      this.#remove(path);
      return make(this.#root.parent(path.parent));
    }
  }

  #remove(path: EntryPath): void {
    const removed = joinEntryPath(path);
    if (this.#root.clear(removed)) this.#times.forget(removed);
  }

  #makeDirectory(entry: TarEntry, path: EntryPath): void {
    const parent = this.#root.parent(path.parent);
    const found = this.#root.lookup(parent, path.base);
    const replacesWhiteout = found !== undefined && isWhiteoutNode(found);
    if (found === undefined || (found.mode & S_IFMT) !== S_IFDIR) {
      if (found !== undefined) this.#remove(path);
      this.#kernel.mkdirat(this.#root.parent(path.parent), path.base, 0o700);
      this.#count(blockBytes);
    }
    const fd = this.#kernel.openat(this.#root.parent(path.parent), path.base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      this.#metadata.set(fd, entry);
    } finally {
      this.#kernel.close(fd);
    }
    const joined = joinEntryPath(path);
    this.#root.implicit.delete(joined);
    if (replacesWhiteout) this.#root.markOpaque(joined);
    this.#times.set(joined, entry.mtimeNs);
  }

  #setRoot(entry: TarEntry): void {
    if (entry.kind !== "directory") throw refusedLayer("its root is not a directory");
    this.#rootSeen = true;
    this.#metadata.set(this.#root.fd, entry);
    this.#times.set("", entry.mtimeNs);
  }

  #makeNode(entry: TarEntry, path: EntryPath, type: number, major: number, minor: number): void {
    this.#count(0);
    this.#create(path, (parent) => this.#kernel.mknodat(parent, path.base, type | (entry.mode & 0o777), major, minor));
    if (type === S_IFCHR && major === 0 && minor === 0) {
      this.#whiteouts.add(joinEntryPath(path));
      return;
    }
    this.#metadata.setByName(this.#root.parent(path.parent), path.base, entry);
  }

  #whiteout(path: EntryPath): void {
    const parent = this.#root.parent(path.parent);
    const found = this.#root.lookup(parent, path.base);
    if (found === undefined) {
      this.#kernel.mknodat(parent, path.base, S_IFCHR, 0, 0);
      this.#count(0);
      this.#whiteouts.add(joinEntryPath(path));
      return;
    }
    // A whiteout never hides what its own layer brings, in whichever order they come (layer.md, "Whiteouts").
    if ((found.mode & S_IFMT) === S_IFDIR) this.#root.markOpaque(joinEntryPath(path));
  }

  #count(sizeBytes: number): void {
    this.#inodes++;
    this.#diskBytes += Math.ceil(sizeBytes / blockBytes) * blockBytes;
  }
}

function quoted(path: EntryPath): string {
  return JSON.stringify(joinEntryPath(path).slice(0, 200));
}
