import { describe, expect, test } from "bun:test";
import { formatReference, parseReference } from "./reference.ts";

const digest = `sha256:${"ab".repeat(32)}`;

describe("parseReference completes as Docker does", () => {
  test.each([
    ["busybox", "docker.io/library/busybox:latest"],
    ["busybox:1.36", "docker.io/library/busybox:1.36"],
    ["user/app", "docker.io/user/app:latest"],
    ["docker.io/busybox", "docker.io/library/busybox:latest"],
    ["index.docker.io/a/b", "docker.io/a/b:latest"],
    ["localhost/app", "localhost/app:latest"],
    ["localhost:5000/app:v1", "localhost:5000/app:v1"],
    ["127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest"],
    ["[::1]:5000/app", "[::1]:5000/app:latest"],
    ["quay.io/x/y__z-a.b", "quay.io/x/y__z-a.b:latest"],
    [`quay.io/x@${digest}`, `quay.io/x@${digest}`],
    [`quay.io/x:1@${digest}`, `quay.io/x:1@${digest}`],
    [`x@sha512:${"0".repeat(128)}`, `docker.io/library/x@sha512:${"0".repeat(128)}`],
  ])("%s", (text, expected) => {
    expect(formatReference(parseReference(text))).toBe(expected);
    expect(formatReference(parseReference(expected))).toBe(expected);
  });
});

describe("parseReference refuses", () => {
  test.each([
    "",
    " ",
    "a b",
    "Upper",
    "a//b",
    "/a",
    "a/",
    "a:",
    "a:b:c",
    ":tag",
    "a..b",
    "a___b",
    "-a",
    "a/-b",
    "a.b.c./x",
    "host:99999/x",
    "host:/x",
    "http://host/x",
    "../x",
    "a/../b",
    "a\0b",
    "a\n",
    "é",
    `a:${"t".repeat(129)}`,
    `a:.t`,
    `${"a".repeat(256)}`,
    "a@sha256:abc",
    `a@sha256:${"AB".repeat(32)}`,
    "a@sha256:../../etc/passwd",
    `a@md5:${"0".repeat(32)}`,
    "0".repeat(64),
  ])("%j", (text) => {
    expect(() => parseReference(text)).toThrow(/^image reference /);
  });

  test.each([
    ["a", "a"],
    ["a-", "a-"],
    ["a/", "a/"],
    ["_", "a_"],
    ["a.a", "a."],
    ["@", "@"],
    [":", ":"],
  ])("a mebibyte of %j in no time", (piece) => {
    const text = piece.repeat((1 << 20) / piece.length);
    const started = performance.now();
    expect(() => parseReference(text)).toThrow("longer than");
    expect(performance.now() - started).toBeLessThan(50);
  });
});
