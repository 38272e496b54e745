import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { notFound } from "./crib-error.ts";
import { Errno } from "./errno.ts";
import { ErrnoError } from "./errno-error.ts";
import { hasErrno } from "./has-errno.ts";

function failureOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

test.each([
  ["a call of crib's own", new ErrnoError(Errno.ENOENT, "openat2"), true],
  ["a function of Node's", failureOf(() => readFileSync("/nonexistent/file")), true],
  ["a call with another errno", new ErrnoError(Errno.EPERM, "openat2"), false],
  ["an error with a code of its own", notFound("image", "ENOENT"), false],
  ["an error without a code", new Error("ENOENT"), false],
  ["what is no error", { code: "ENOENT" }, false],
])("%s is told by its errno", (_what, error, told) => {
  expect(hasErrno(error, "EEXIST", "ENOENT")).toBe(told);
});
