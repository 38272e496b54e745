import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fd } from "../../ids/process.ts";
import { createLinuxKernel } from "../../kernel/linux/linux.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { FileCalls } from "../../kernel/port.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../kernel/resolve-flags.ts";
import { copyPlace } from "./copy-place.ts";
import { parseSide } from "./cp.ts";
import { splitPath } from "./place.ts";

const kernel = createLinuxKernel();
let top: string;
let root: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "crib-cp-"));
  root = join(top, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(join(top, "host"));
  writeFileSync(join(top, "secret"), "of the host");
  writeFileSync(join(root, "etc/motd"), "hello");
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

/** From the container when `out`, else into it; container paths are below `root`, ours below host/. */
function copy(out: boolean, inside: string, outside: string, archive = false, calls: FileCalls = kernel) {
  using rootFd = new OwnedFd(kernel, kernel.open(root, O_PATH | O_DIRECTORY));
  using slash = new OwnedFd(kernel, kernel.open("/", O_PATH | O_DIRECTORY));
  const contained = {
    root: rootFd.fd,
    resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    path: inside,
    shown: `c:${inside}`,
  };
  const ours = { root: slash.fd, resolve: 0, path: join(top, "host", outside), shown: outside };
  return copyPlace(calls, out ? contained : ours, out ? ours : contained, {
    archive,
    ownerOf: (owner) => (archive ? owner : undefined),
  });
}

const hostFile = (path: string): string => readFileSync(join(top, "host", path), "utf8");

test("a new directory can be entered, whatever the umask of who copies", () => {
  const before = process.umask(0o077);
  try {
    copy(false, "/new", "../root/etc/.");
  } finally {
    process.umask(before);
  }
  expect([lstatSync(join(root, "new")).mode & 0o7777, readFileSync(join(root, "new/motd"), "utf8")]).toEqual([
    0o755,
    "hello",
  ]);
});

describe("where a copy ends up", () => {
  test("a file under a new name, into a directory, and over an old file", () => {
    expect(copy(true, "/etc/motd", "a")).toMatchObject({ files: 1, bytes: 5n });
    copy(true, "/etc/motd", ".");
    writeFileSync(join(top, "host/b"), "a longer text than the new one");
    copy(true, "etc/motd", "b");
    expect([hostFile("a"), hostFile("motd"), hostFile("b")]).toEqual(["hello", "hello", "hello"]);
  });

  test("a directory, and with /. what is in it", () => {
    mkdirSync(join(top, "host/d"));
    copy(true, "/etc", "d");
    copy(true, "/etc/.", "e");
    copy(true, "/etc/.", "d/");
    expect([hostFile("d/etc/motd"), hostFile("e/motd"), hostFile("d/motd")]).toEqual(["hello", "hello", "hello"]);
  });

  test("nothing where a directory was named that is not there, or would be replaced", () => {
    mkdirSync(join(top, "host/d/motd"), { recursive: true });
    expect(() => copy(true, "/etc/motd", "d/")).toThrow("would replace a directory");
    expect(() => copy(true, "/etc/motd/.", "x")).toThrow("no directory");
    expect(() => copy(true, "/etc/nothing", "x")).toThrow("ENOENT");
    expect(existsSync(join(top, "host/x"))).toBe(false);
  });
});

describe("links lead nowhere outside (CVE-2019-1002101, CVE-2019-11246)", () => {
  test("a link is copied as a link, and one in the way stays inside the container's root", () => {
    symlinkSync(join(top, "secret"), join(root, "link"));
    symlinkSync("../../../../../../..", join(root, "up"));
    copy(true, "/link", "link");
    expect(readlinkSync(join(top, "host/link"))).toBe(join(top, "secret"));
    expect(() => copy(true, `/up${top}/secret`, "stolen")).toThrow("ENOENT");
  });

  test("into the container: a link at the destination is replaced, never written through", () => {
    writeFileSync(join(top, "host/new"), "new");
    symlinkSync(join(top, "secret"), join(root, "etc/new"));
    copy(false, "/etc/new", "new");
    expect(readFileSync(join(root, "etc/new"), "utf8")).toBe("new");
    expect(readFileSync(join(top, "secret"), "utf8")).toBe("of the host");
  });

  test("out of the container: a planted link in our target directory is replaced too", () => {
    symlinkSync(join(top, "secret"), join(top, "host/motd"));
    copy(true, "/etc/motd", ".");
    expect(readFileSync(join(top, "secret"), "utf8")).toBe("of the host");
    expect(hostFile("motd")).toBe("hello");
  });
});

test.each(["-m 600 p", "-m 600 c 1 3"])("what becomes `mknod %s` while it is looked at is never opened", (kind) => {
  const motd = join(root, "etc/motd");
  const opened: number[] = [];
  const swapping: FileCalls = {
    ...kernel,
    lstatat(directory: Fd, name: string) {
      const stat = kernel.lstatat(directory, name);
      const [option = "", mode = "", ...node] = kind.split(" ");
      if (name === "motd" && Bun.spawnSync(["rm", motd]).success) Bun.spawnSync(["mknod", option, mode, motd, ...node]);
      return stat;
    },
    openat(directory: Fd, name: string, flags: number, mode?: number) {
      if (name === "motd") opened.push(flags & O_PATH);
      return kernel.openat(directory, name, flags, mode);
    },
  };
  expect(copy(true, "/etc/motd", "a", false, swapping).skipped).toEqual(["c:/etc/motd"]);
  expect(opened).toEqual([O_PATH]);
});

test("modes are kept, set-id bits only with their owner, pipes and the like left out", () => {
  chmodSync(join(root, "etc/motd"), 0o4750);
  Bun.spawnSync(["mkfifo", join(root, "etc/pipe")]);
  expect(copy(true, "/etc", "plain").skipped).toEqual(["c:/etc/pipe"]);
  copy(true, "/etc", "kept", true);
  expect(statSync(join(top, "host/plain/motd")).mode & 0o7777).toBe(0o750);
  expect(statSync(join(top, "host/kept/motd")).mode & 0o7777).toBe(0o4750);
  expect(() => lstatSync(join(top, "host/plain/pipe"))).toThrow();
});

test.each([
  ["/a/b", { parent: "/a", name: "b" }],
  ["/a/b/", { parent: "/a", name: "b" }],
  ["b", { parent: ".", name: "b" }],
  ["/b", { parent: "/", name: "b" }],
  ["/", { parent: "/", name: "." }],
  ["/a/.", { parent: "/a/.", name: "." }],
  ["/a/..", { parent: "/a/..", name: "." }],
] as const)("the last component of %s", (path, parts) => {
  expect(splitPath(path)).toEqual(parts);
});

test.each([
  ["web:/etc", { container: "web", path: "/etc" }],
  ["pod/web:etc", { container: "pod/web", path: "etc" }],
  ["./a:b", { path: "./a:b" }],
  ["/a:b", { path: "/a:b" }],
  ["plain", { path: "plain" }],
] as const)("%s names a side", (text, side) => {
  expect(parseSide(text)).toEqual(side);
});
