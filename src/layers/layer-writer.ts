import { chmodSync } from "node:fs";
import { Errno } from "../errors/errno.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import type { Fd } from "../ids/process.ts";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
} from "../kernel/open-flags.ts";
import type { Kernel } from "../kernel/port.ts";
import { cleanEntryPath, type EntryPath, joinEntryPath } from "./entry-path.ts";
import { damagedLayer, refusedLayer } from "./layer-error.ts";
import type { LayerLimits } from "./layer-limits.ts";
import { isWhiteoutNode, type LayerRoot } from "./layer-root.ts";
import type { PathRewrite } from "./path-rewrite.ts";
import { resolveInRoot } from "./resolve-in-root.ts";
import type { TarEntry, TarSink } from "./tar-entry.ts";
import { parseWhiteout } from "./whiteout.ts";
import { keepsXattr } from "./xattr-policy.ts";

const blockBytes = 4096;

/** What a layer takes on disk, in whole blocks, counted while writing so that nobody ever has to walk it. */
export interface LayerSize {
  readonly diskBytes: number;
  readonly inodes: number;
  /** Attributes the filesystem does not support. */
  readonly droppedXattrs: number;
}

/**
 * Writes the members of a layer archive into a directory that overlayfs can take as a lower one.
 *
 * Each member is made with exclusive *at calls in its parent (see LayerRoot), changed only through the descriptor
 * it was created with, and given, in this order: owner, mode (chown clears setuid), attributes (chown clears
 * capabilities), times. Times of directories come last of all, for adding files moves them.
 */
export class LayerWriter implements TarSink {
  readonly #kernel: Kernel;
  readonly #root: LayerRoot;
  readonly #limits: LayerLimits;
  readonly #rewrite: PathRewrite;
  readonly #directoryTimes = new Map<string, bigint>();
  #directoryNameBytes = 0;
  #file: { readonly fd: Fd; readonly entry: TarEntry } | undefined;
  #diskBytes = 0;
  #inodes = 0;
  #droppedXattrs = 0;
  #rootSeen = false;

  constructor(kernel: Kernel, root: LayerRoot, limits: LayerLimits, rewrite: PathRewrite) {
    this.#kernel = kernel;
    this.#root = root;
    this.#limits = limits;
    this.#rewrite = rewrite;
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
    if (this.#file !== undefined) this.#kernel.writeAll(this.#file.fd, bytes);
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      this.#setMetadata(file.fd, file.entry);
      this.#kernel.futimens(file.fd, file.entry.mtimeNs, file.entry.mtimeNs);
    } finally {
      this.#kernel.close(file.fd);
    }
  }

  /** Sets the times of directories. Call it once, after the last member. */
  finish(): LayerSize {
    if (!this.#rootSeen) this.#root.implicit.add("");
    for (const path of this.#root.implicit) this.#directoryTimes.set(path, 0n);
    for (const [path, mtimeNs] of this.#directoryTimes) this.#setDirectoryTime(path, mtimeNs);
    const implicit = this.#root.implicitInodes;
    return {
      diskBytes: this.#diskBytes + (implicit + 1) * blockBytes,
      inodes: this.#inodes + implicit + 1,
      droppedXattrs: this.#droppedXattrs,
    };
  }

  /** Closes the file a failed member left open. */
  abandon(): void {
    if (this.#file !== undefined) this.#kernel.close(this.#file.fd);
    this.#file = undefined;
  }

  #make(entry: TarEntry, path: EntryPath): void {
    switch (entry.kind) {
      case "file":
        this.#count(entry.sizeBytes);
        this.#file = {
          fd: this.#create(path, (parent) =>
            this.#kernel.openat(parent, path.base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600),
          ),
          entry,
        };
        return;
      case "directory":
        this.#makeDirectory(entry, path);
        return;
      case "hardlink":
        this.#makeHardlink(entry, path);
        return;
      case "symlink":
        if (entry.linkName === "") throw damagedLayer(`symbolic link ${quoted(path)} has no target`);
        this.#count(0);
        this.#create(path, (parent) => this.#kernel.symlinkat(entry.linkName, parent, path.base));
        this.#setMetadataByName(entry, path, false);
        return;
      case "fifo":
        this.#makeNode(entry, path, S_IFIFO, 0, 0);
        return;
      case "character":
        if (entry.deviceMajor === 0 && entry.deviceMinor === 0) {
          throw refusedLayer(`${quoted(path)} is the character device 0:0, which overlayfs takes for a whiteout`);
        }
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
      if (!(error instanceof ErrnoError && error.errno === Errno.EEXIST)) throw error;
      this.#remove(path);
      return make(this.#root.parent(path.parent));
    }
  }

  #remove(path: EntryPath): void {
    const removed = joinEntryPath(path);
    if (!this.#root.clear(removed)) return;
    this.#directoryTimes.delete(removed);
    for (const known of this.#directoryTimes.keys()) {
      if (known.startsWith(`${removed}/`)) this.#directoryTimes.delete(known);
    }
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
      this.#setMetadata(fd, entry);
    } finally {
      this.#kernel.close(fd);
    }
    const joined = joinEntryPath(path);
    this.#root.implicit.delete(joined);
    if (replacesWhiteout) this.#root.markOpaque(joined);
    this.#rememberTime(joined, entry.mtimeNs);
  }

  #setRoot(entry: TarEntry): void {
    if (entry.kind !== "directory") throw refusedLayer("its root is not a directory");
    this.#rootSeen = true;
    this.#setMetadata(this.#root.fd, entry);
    this.#rememberTime("", entry.mtimeNs);
  }

  #rememberTime(path: string, mtimeNs: bigint): void {
    if (!this.#directoryTimes.has(path)) this.#directoryNameBytes += path.length + 64;
    if (this.#directoryNameBytes > this.#limits.maxDirectoryNameBytes)
      throw refusedLayer("it has too many directories");
    this.#directoryTimes.set(path, mtimeNs);
  }

  #setDirectoryTime(path: string, mtimeNs: bigint): void {
    let fd: Fd;
    try {
      const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
      fd = this.#kernel.openat2(this.#root.fd, path === "" ? "." : path, { flags, resolve: resolveInRoot });
    } catch (error) {
      // A link on the way there was replaced later: the directory has another name now, or none.
      if (error instanceof ErrnoError && error.errno !== Errno.EMFILE && error.errno !== Errno.ENOMEM) return;
      throw error;
    }
    try {
      this.#kernel.futimens(fd, mtimeNs, mtimeNs);
    } finally {
      this.#kernel.close(fd);
    }
  }

  /** The target must be a member of the same archive; it is taken as it stands, a link is not followed. */
  #makeHardlink(entry: TarEntry, path: EntryPath): void {
    const target = this.#rewrite(cleanEntryPath(entry.linkName));
    if (target.base === "") throw refusedLayer(`${quoted(path)} is a hard link to the root`);
    if (joinEntryPath(target) === joinEntryPath(path)) throw refusedLayer(`${quoted(path)} is a hard link to itself`);
    try {
      this.#create(path, (parent) => {
        // Both descriptors must live at once, and asking for the second may drop the first from the cache.
        const from = this.#kernel.openat2(this.#root.fd, target.parent === "" ? "." : target.parent, targetDirectory);
        try {
          this.#kernel.linkat(from, target.base, parent, path.base);
        } finally {
          this.#kernel.close(from);
        }
      });
    } catch (error) {
      if (error instanceof ErrnoError && hardlinkErrnos.has(error.errno)) {
        throw refusedLayer(
          `hard link ${quoted(path)} names ${JSON.stringify(entry.linkName.slice(0, 200))}, which is no file of this layer`,
        );
      }
      throw error;
    }
  }

  #makeNode(entry: TarEntry, path: EntryPath, type: number, major: number, minor: number): void {
    this.#count(0);
    this.#create(path, (parent) => this.#kernel.mknodat(parent, path.base, type | (entry.mode & 0o777), major, minor));
    this.#setMetadataByName(entry, path, true);
  }

  #whiteout(path: EntryPath): void {
    const parent = this.#root.parent(path.parent);
    const found = this.#root.lookup(parent, path.base);
    if (found === undefined) {
      this.#kernel.mknodat(parent, path.base, S_IFCHR, 0, 0);
      this.#count(0);
      return;
    }
    // A whiteout never hides what its own layer brings, in whichever order they come (layer.md, "Whiteouts").
    if ((found.mode & S_IFMT) === S_IFDIR) this.#root.markOpaque(joinEntryPath(path));
  }

  #setMetadata(fd: Fd, entry: TarEntry): void {
    this.#kernel.fchown(fd, entry.uid, entry.gid);
    this.#kernel.fchmod(fd, entry.mode);
    for (const [name, value] of entry.xattrs) {
      if (keepsXattr(name)) this.#tolerateUnsupported(() => this.#kernel.fsetxattr(fd, name, value));
    }
  }

  /** For links and nodes, which must not be opened: a device's open has effects, a fifo's waits. */
  #setMetadataByName(entry: TarEntry, path: EntryPath, isNode: boolean): void {
    const parent = this.#root.parent(path.parent);
    this.#kernel.lchownat(parent, path.base, entry.uid, entry.gid);
    if (isNode) this.#setNodeMode(parent, path.base, entry.mode);
    for (const [name, value] of entry.xattrs) {
      if (keepsXattr(name) && name.startsWith("security.")) {
        this.#tolerateUnsupported(() => this.#kernel.lsetxattrat(parent, path.base, name, value));
      }
    }
    this.#kernel.lutimensat(parent, path.base, entry.mtimeNs, entry.mtimeNs);
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
      if (!(error instanceof ErrnoError && error.errno === Errno.EOPNOTSUPP)) throw error;
      this.#droppedXattrs++;
    }
  }

  #count(sizeBytes: number): void {
    this.#inodes++;
    this.#diskBytes += Math.ceil(sizeBytes / blockBytes) * blockBytes;
  }
}

const hardlinkErrnos: ReadonlySet<number> = new Set([
  Errno.ENOENT,
  Errno.ENOTDIR,
  Errno.EPERM,
  Errno.ELOOP,
  Errno.EXDEV,
]);
const targetDirectory = { flags: O_PATH | O_DIRECTORY, resolve: resolveInRoot };

function quoted(path: EntryPath): string {
  return JSON.stringify(joinEntryPath(path).slice(0, 200));
}
