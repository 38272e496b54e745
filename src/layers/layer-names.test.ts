import { describe, expect, test } from "bun:test";
import type { DiffId } from "../ids/digest.ts";
import { chainIds } from "../images/pull/install-image.ts";
import { cleanEntryPath, joinEntryPath } from "./entry-path.ts";
import { keepsXattr } from "./tree/entry-metadata.ts";
import { rewriteBelow } from "./tree/path-rewrite.ts";
import { parseWhiteout } from "./tree/whiteout.ts";

test.each([
  ["a/b/c", "a/b/c"],
  ["./a//b/./c/", "a/b/c"],
  ["/etc/passwd", "etc/passwd"],
  ["../../etc/passwd", "etc/passwd"],
  ["a/../../b", "b"],
  [".", ""],
  ["./", ""],
  ["/", ""],
  ["..", ""],
  ["...", "..."],
])("%j is cleaned to %j", (name, expected) => {
  expect(joinEntryPath(cleanEntryPath(name))).toBe(expected);
});

test("names over PATH_MAX are refused", () => {
  expect(() => cleanEntryPath("x".repeat(4096))).toThrow("longer than 4095");
});

describe("whiteouts", () => {
  test.each([
    ["file", { kind: "none" }],
    [".wh", { kind: "none" }],
    [".wh.file", { kind: "file", name: "file" }],
    [".wh..hidden", { kind: "file", name: ".hidden" }],
    [".wh..wh..opq", { kind: "opaque" }],
    [".wh..wh.plnk", { kind: "aufs-metadata" }],
  ] as const)("%j", (base, expected) => {
    expect(parseWhiteout(base)).toEqual(expected);
  });
  test.each([".wh.", ".wh..", ".wh..."])("%j names no file", (base) => {
    expect(() => parseWhiteout(base)).toThrow("names no file");
  });
});

test.each([
  ["security.capability", true],
  ["user.note", true],
  ["system.posix_acl_access", true],
  ["user.overlay.opaque", false],
  ["trusted.overlay.redirect", false],
  ["trusted.anything", false],
  ["security.selinux", false],
  ["security.ima", false],
  ["user.", false],
  ["", false],
])("attribute %j is kept: %p", (name, expected) => {
  expect(keepsXattr(name)).toBe(expected);
});

test("chain ids are the spec's", () => {
  const ids = ["a", "b", "c"].map((digit) => `sha256:${digit.repeat(64)}` as DiffId);
  const link = (a: string, b: string): string =>
    `sha256:${new Bun.CryptoHasher("sha256").update(`${a} ${b}`).digest("hex")}`;
  const [first = "", second = "", third = ""] = ids;
  const two = link(first, second);
  expect(chainIds(ids) as string[]).toEqual([first, two, link(two, third)]);
});

test("a rewrite moves what is below a directory, longest name first, and not the directory itself", () => {
  const rewrite = rewriteBelow(
    new Map([
      ["lib", "usr/lib"],
      ["lib/x", "opt"],
      ["top", ""],
    ]),
  );
  const through = (name: string): string => joinEntryPath(rewrite(cleanEntryPath(name)));
  expect(["lib", "lib/a", "lib/a/b", "lib/x/y", "library/a", "top/z"].map(through)).toEqual([
    "lib",
    "usr/lib/a",
    "usr/lib/a/b",
    "opt/y",
    "library/a",
    "z",
  ]);
});
