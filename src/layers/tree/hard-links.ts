import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Fd } from "../../ids/process.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import { cleanEntryPath, type EntryPath, joinEntryPath } from "../entry-path.ts";
import { refusedLayer } from "../layer-error.ts";
import { quotedName } from "../tar/merge-headers.ts";
import type { TarEntry } from "../tar/tar-entry.ts";
import type { LayerRoot } from "./layer-root.ts";
import type { PathRewrite } from "./path-rewrite.ts";
import { resolveInRoot } from "./resolve-in-root.ts";

/** Runs `make` with the descriptor of the parent of `path`, whose older member gives way. */
type Create = (path: EntryPath, make: (parent: Fd) => void) => void;

const maxLate = 10_000;

/** Hard links of an archive. The target must be a member of it, before or after the link; links to links are not followed. */
export class HardLinks {
  readonly #kernel: Kernel;
  readonly #root: LayerRoot;
  readonly #rewrite: PathRewrite;
  readonly #create: Create;
  /** Links that came before their targets. */
  readonly #late: { readonly entry: TarEntry; readonly path: EntryPath }[] = [];

  constructor(kernel: Kernel, root: LayerRoot, rewrite: PathRewrite, create: Create) {
    this.#kernel = kernel;
    this.#root = root;
    this.#rewrite = rewrite;
    this.#create = create;
  }

  /** @throws {CribError} failed-precondition for a target that can never be linked. */
  make(entry: TarEntry, path: EntryPath): void {
    try {
      this.#link(entry, path);
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw refusal(error, entry, path);
      if (this.#late.push({ entry, path }) > maxLate)
        throw refusedLayer(`more than ${maxLate} hard links come before their targets`);
    }
  }

  /** Call after the last member. A name that a later member took stays that member's. */
  makeLate(): void {
    for (const { entry, path } of this.#late) {
      if (this.#root.lookup(this.#root.parent(path.parent), path.base) !== undefined) continue;
      try {
        this.#link(entry, path);
      } catch (error) {
        throw refusal(error, entry, path);
      }
    }
  }

  #link(entry: TarEntry, path: EntryPath): void {
    const target = this.#rewrite(cleanEntryPath(entry.linkName));
    const shown = quotedName(joinEntryPath(path));
    if (target.base === "") throw refusedLayer(`${shown} is a hard link to the root`);
    if (joinEntryPath(target) === joinEntryPath(path)) throw refusedLayer(`${shown} is a hard link to itself`);
    this.#create(path, (parent) => {
      // Both descriptors must live at once, and asking for the second may drop the first from the cache.
      const from = this.#kernel.openat2(this.#root.fd, target.parent === "" ? "." : target.parent, targetDirectory);
      try {
        this.#kernel.linkat(from, target.base, parent, path.base);
      } finally {
        this.#kernel.close(from);
      }
    });
  }
}

const targetDirectory = { flags: O_PATH | O_DIRECTORY, resolve: resolveInRoot };

const hardlinkErrnos: ReadonlySet<number> = new Set([
  Errno.ENOENT,
  Errno.ENOTDIR,
  Errno.EPERM,
  Errno.ELOOP,
  Errno.EXDEV,
]);

function refusal(error: unknown, entry: TarEntry, path: EntryPath): unknown {
  if (!(error instanceof ErrnoError && hardlinkErrnos.has(error.errno))) return error;
  return refusedLayer(
    `hard link ${quotedName(joinEntryPath(path))} names ${quotedName(entry.linkName)}, which is no file of this layer`,
  );
}
