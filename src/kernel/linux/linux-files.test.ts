import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../errors/errno.ts";
import type { ErrnoError } from "../../errors/errno-error.ts";
import type { Fd } from "../../ids/process.ts";
import {
  AT_FDCWD,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  RENAME_NOREPLACE,
  S_IFIFO,
  S_IFMT,
} from "../open-flags.ts";
import { OwnedFd } from "../owned-fd.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS } from "../resolve-flags.ts";
import { createLinuxKernel } from "./linux.ts";

const kernel = createLinuxKernel();
let directory: string;
let root: OwnedFd;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "crib-kernel-"));
  root = new OwnedFd(kernel, kernel.open(directory, O_DIRECTORY | O_RDONLY));
});
afterAll(() => {
  root[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

function errnoOf(call: () => unknown): number {
  try {
    call();
  } catch (error) {
    return (error as ErrnoError).errno;
  }
  throw new Error("the call did not fail");
}

describe("descriptors", () => {
  test("write, sync, read back, truncate", () => {
    using file = new OwnedFd(kernel, kernel.openat(root.fd, "data", O_CREAT | O_EXCL | O_RDWR, 0o640));
    const bytes = new Uint8Array(300_000).map((_, index) => index);
    kernel.writeAll(file.fd, bytes);
    kernel.fsync(file.fd);
    kernel.syncfs(file.fd);
    expect(readFileSync(join(directory, "data")).equals(bytes)).toBe(true);
    kernel.ftruncate(file.fd, 7n);
    expect(kernel.fstat(file.fd).size).toBe(7n);
    using again = new OwnedFd(kernel, kernel.openat(root.fd, "data", O_RDONLY));
    const into = new Uint8Array(100);
    expect(kernel.read(again.fd, into)).toBe(7);
    expect([...into.subarray(0, 7)]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(kernel.read(again.fd, into)).toBe(0);
  });

  test("an empty write and an empty read are no error", () => {
    using file = new OwnedFd(kernel, kernel.openat(root.fd, "empty", O_CREAT | O_RDWR, 0o600));
    kernel.writeAll(file.fd, new Uint8Array(0));
    expect(kernel.read(file.fd, new Uint8Array(0))).toBe(0);
  });

  test("descriptors are close-on-exec", () => {
    using file = new OwnedFd(kernel, kernel.openat(root.fd, "cloexec", O_CREAT | O_RDWR, 0o600));
    expect(readFileSync(`/proc/self/fdinfo/${file.fd}`, "utf8")).toMatch(/flags:\s+0?2\d{6}/);
  });

  test("a lock is held by one description at a time", () => {
    using one = new OwnedFd(kernel, kernel.openat(root.fd, "lock", O_CREAT | O_RDWR, 0o600));
    using two = new OwnedFd(kernel, kernel.openat(root.fd, "lock", O_RDWR));
    expect(kernel.tryLockExclusive(one.fd)).toBe(true);
    expect(kernel.tryLockExclusive(two.fd)).toBe(false);
  });

  test("a lock is shared by many, or one's alone once the others have gone", () => {
    const open = () => new OwnedFd(kernel, kernel.openat(root.fd, "shared-lock", O_RDWR | O_CREAT, 0o600));
    using one = open();
    using alone = open();
    {
      using two = open();
      expect([kernel.tryLockShared(one.fd), kernel.tryLockShared(two.fd)]).toEqual([true, true]);
      expect(kernel.tryLockExclusive(alone.fd)).toBe(false);
    }
    expect(kernel.tryLockExclusive(one.fd)).toBe(true);
    expect([kernel.tryLockShared(alone.fd), kernel.tryLockExclusive(alone.fd)]).toEqual([false, false]);
  });

  test("closing what is not open says so", () => {
    expect(errnoOf(() => kernel.close(999_999 as Fd))).toBe(Errno.EBADF);
  });
});

describe("names", () => {
  test.each(["é", "日本語", "\u{1f4a9}", "a b", "a\nb", "ÿ"])("%j arrives as UTF-8", (name) => {
    kernel.mkdirat(root.fd, name, 0o755);
    expect(statSync(join(directory, name)).isDirectory()).toBe(true);
    kernel.unlinkat(root.fd, name, true);
    expect(errnoOf(() => kernel.lstatat(root.fd, name))).toBe(Errno.ENOENT);
  });

  test("V75: a NUL does not cut a path short", () => {
    expect(() => kernel.open("/etc/passwd\0.txt", O_RDONLY)).toThrow("NUL");
    expect(() => kernel.mkdirat(root.fd, "a\0b", 0o700)).toThrow("NUL");
    expect(() => kernel.symlinkat("x\0y", root.fd, "link")).toThrow("NUL");
    expect(() => kernel.renameat2(root.fd, "data", root.fd, "b\0c", 0)).toThrow("NUL");
  });

  test("a path longer than PATH_MAX is the kernel's to refuse", () => {
    expect(errnoOf(() => kernel.open(`/${"x".repeat(5000)}`, O_RDONLY))).toBe(Errno.ENAMETOOLONG);
  });

  test("links, special files, renames", () => {
    kernel.symlinkat("nowhere/é", root.fd, "sym");
    expect(kernel.readlinkat(root.fd, "sym")).toBe("nowhere/é");
    kernel.linkat(root.fd, "sym", root.fd, "hard");
    expect(kernel.lstatat(root.fd, "hard").links).toBe(2);
    kernel.mknodat(root.fd, "fifo", S_IFIFO | 0o600, 0, 0);
    expect(kernel.lstatat(root.fd, "fifo").mode & S_IFMT).toBe(S_IFIFO);
    expect(errnoOf(() => kernel.renameat2(root.fd, "fifo", root.fd, "sym", RENAME_NOREPLACE))).toBe(Errno.EEXIST);
    kernel.renameat2(root.fd, "fifo", root.fd, "pipe", RENAME_NOREPLACE);
    expect(kernel.lstatat(root.fd, "pipe").links).toBe(1);
  });
});

describe("openat2", () => {
  test("a symlink cannot lead out of the root", () => {
    writeFileSync(join(directory, "inside"), "inside");
    symlinkSync("/../../../../inside", join(directory, "absolute"));
    using file = new OwnedFd(
      kernel,
      kernel.openat2(root.fd, "absolute", { flags: O_RDONLY, resolve: RESOLVE_IN_ROOT }),
    );
    const into = new Uint8Array(10);
    expect(Buffer.from(into.subarray(0, kernel.read(file.fd, into))).toString()).toBe("inside");
    const how = { flags: O_RDONLY, resolve: RESOLVE_NO_SYMLINKS };
    expect(errnoOf(() => kernel.openat2(root.fd, "absolute", how))).toBe(Errno.ELOOP);
  });

  test("a mode reaches the new file", () => {
    const how = { flags: O_CREAT | O_RDWR, mode: 0o600, resolve: RESOLVE_IN_ROOT };
    using file = new OwnedFd(kernel, kernel.openat2(root.fd, "made", how));
    expect(kernel.fstat(file.fd).mode & 0o777).toBe(0o600);
  });
});

describe("attributes", () => {
  test("times before 1970 and with nanoseconds survive", () => {
    using file = new OwnedFd(kernel, kernel.openat(root.fd, "times", O_CREAT | O_RDWR, 0o600));
    for (const time of [0n, 1_700_000_000_123_456_789n, -1n, -1_500_000_000n]) {
      kernel.futimens(file.fd, 0n, time);
      expect(kernel.fstat(file.fd).mtimeNs).toBe(time);
    }
    kernel.symlinkat("times", root.fd, "times-link");
    kernel.lutimensat(root.fd, "times-link", 5n, 7n);
    expect(kernel.lstatat(root.fd, "times-link").mtimeNs).toBe(7n);
    expect(kernel.fstat(file.fd).mtimeNs).toBe(-1_500_000_000n);
  });

  test("stat agrees with Node's", () => {
    const ours = kernel.lstatat(AT_FDCWD, "/dev/null");
    const theirs = statSync("/dev/null", { bigint: true });
    expect(BigInt(ours.mode)).toBe(theirs.mode);
    expect(ours.inode).toBe(theirs.ino);
    expect([ours.rdevMajor, ours.rdevMinor]).toEqual([1, 3]);
  });

  test("modes, extended attributes", () => {
    using file = new OwnedFd(kernel, kernel.openat(root.fd, "attributes", O_CREAT | O_RDWR, 0o600));
    kernel.fchmod(file.fd, 0o4711);
    expect(kernel.fstat(file.fd).mode & 0o7777).toBe(0o4711);
    kernel.fsetxattr(file.fd, "user.crib", new Uint8Array([1, 0, 2]));
    kernel.lsetxattrat(root.fd, "attributes", "user.crib2", new Uint8Array(0));
    expect(errnoOf(() => kernel.fsetxattr(file.fd, "nonsense", new Uint8Array(1)))).toBe(Errno.EOPNOTSUPP);
  });

  test("a filesystem has a size", () => {
    const stat = kernel.statfs("/");
    expect(stat.totalBytes).toBeGreaterThan(stat.availableBytes - 1n);
    expect(stat.totalBytes).toBeGreaterThan(1n << 20n);
  });
});
