import { readdirSync } from "node:fs";
import { failedPrecondition } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Fd } from "../../ids/process.ts";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
} from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { FileCalls, FileStat } from "../../kernel/port.ts";
import { bytesToString } from "../../oci/byte-string.ts";

const blockBytes = 1 << 20;
const permissions = 0o7777;

/** What a copy has done, and what it left out. */
export interface CopyReport {
  files: number;
  bytes: bigint;
  /** Devices, sockets and pipes: naming them on the other side would not make them the same thing. */
  readonly skipped: string[];
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface CopyOptions {
  /** Numeric owners and set-id bits as they are. */
  readonly archive: boolean;
  /** Whom the copy belongs to, in this process's ids; undefined: to this process. */
  ownerOf(source: Owner): Owner | undefined;
}

/**
 * Copies `name` and all below it into another directory. Never follows a link on either side: what is a link is copied
 * as one, so a tree that changes while it is copied cannot lead outside (CVE-2019-1002101, CVE-2019-11246).
 *
 * @throws {ErrnoError} naming what could not be read or written; what was copied until then stays.
 */
export class TreeCopier {
  readonly report: CopyReport = { files: 0, bytes: 0n, skipped: [] };
  readonly #kernel: FileCalls;
  readonly #options: CopyOptions;
  readonly #block = new Uint8Array(blockBytes);

  constructor(kernel: FileCalls, options: CopyOptions) {
    this.#kernel = kernel;
    this.#options = options;
  }

  copy(from: Fd, fromName: string, to: Fd, toName: string, shown: string): void {
    const stat = this.#kernel.lstatat(from, fromName);
    switch (stat.mode & S_IFMT) {
      case S_IFDIR:
        this.#copyDirectory(from, fromName, to, toName, stat, shown);
        return;
      case S_IFREG:
        this.#copyFile(from, fromName, to, toName, shown);
        return;
      case S_IFLNK:
        this.#replace(to, toName, shown);
        this.#kernel.symlinkat(this.#kernel.readlinkat(from, fromName), to, toName);
        this.#giveLink(to, toName, this.#options.ownerOf(stat));
        this.report.files += 1;
        return;
      default:
        this.report.skipped.push(shown);
    }
  }

  /** What is in `from`, into `to`: both stay themselves. */
  copyContents(from: Fd, to: Fd, shown: string): void {
    const names = readdirSync(`/proc/self/fd/${from}`, { encoding: "buffer" }).map((bytes) => bytesToString(bytes));
    for (const name of names) this.copy(from, name, to, name, `${shown}/${name}`);
  }

  #copyDirectory(from: Fd, fromName: string, to: Fd, toName: string, stat: FileStat, shown: string): void {
    using source = this.#open(from, fromName, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (this.#typeOf(to, toName) !== S_IFDIR) {
      this.#replace(to, toName, shown);
      this.#kernel.mkdirat(to, toName, 0o700);
    }
    using target = this.#open(to, toName, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    this.copyContents(source.fd, target.fd, shown);
    this.#finish(target.fd, stat);
  }

  #copyFile(from: Fd, fromName: string, to: Fd, toName: string, shown: string): void {
    // It may have become a pipe or a device since it was looked at, which do things when they are opened.
    using found = this.#open(from, fromName, O_PATH | O_NOFOLLOW);
    const stat = this.#kernel.fstat(found.fd);
    if ((stat.mode & S_IFMT) !== S_IFREG) {
      this.report.skipped.push(shown);
      return;
    }
    // O_NONBLOCK: a lease that a container holds on it would be waited for.
    using source = new OwnedFd(this.#kernel, this.#kernel.open(`/proc/self/fd/${found.fd}`, O_RDONLY | O_NONBLOCK));
    this.#replace(to, toName, shown);
    using target = this.#open(to, toName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    for (let length = 1; length > 0; ) {
      length = this.#kernel.read(source.fd, this.#block);
      this.#kernel.writeAll(target.fd, this.#block.subarray(0, length));
      this.report.bytes += BigInt(length);
    }
    this.#finish(target.fd, stat);
    this.report.files += 1;
  }

  #giveLink(directory: Fd, name: string, owner: Owner | undefined): void {
    if (owner !== undefined) this.#kernel.lchownat(directory, name, owner.uid, owner.gid);
  }

  #finish(fd: Fd, stat: FileStat): void {
    const owner = this.#options.ownerOf(stat);
    if (owner !== undefined) this.#kernel.fchown(fd, owner.uid, owner.gid);
    // A set-id bit means another's identity: it is only kept with the owner that it was given for.
    const mode = stat.mode & permissions & (this.#options.archive ? permissions : ~(S_ISUID | S_ISGID));
    this.#kernel.fchmod(fd, mode);
    this.#kernel.futimens(fd, stat.mtimeNs, stat.mtimeNs);
  }

  /** Makes room for something new. A directory is never replaced by what is none. */
  #replace(to: Fd, name: string, shown: string): void {
    const type = this.#typeOf(to, name);
    if (type === undefined) return;
    if (type === S_IFDIR) throw failedPrecondition(`${shown} would replace a directory: remove it first`);
    this.#kernel.unlinkat(to, name, false);
  }

  #typeOf(directory: Fd, name: string): number | undefined {
    try {
      return this.#kernel.lstatat(directory, name).mode & S_IFMT;
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  #open(directory: Fd, name: string, flags: number): OwnedFd {
    return new OwnedFd(this.#kernel, this.#kernel.openat(directory, name, flags, 0o600));
  }
}
