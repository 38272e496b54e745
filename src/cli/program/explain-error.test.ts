import { expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { CribError, invalidArgument } from "../../errors/crib-error.ts";
import { explainError } from "./explain-error.ts";

const address = "/run/x.sock";

function refused(code: string): ConnectError {
  const cause = Object.assign(new Error(`connect ${code}`), { code, syscall: "connect" });
  return new ConnectError("connect failed", Code.Internal, undefined, undefined, cause);
}

const cases: readonly [title: string, error: unknown, exitCode: number, message: RegExp][] = [
  ["no socket", refused("ENOENT"), 3, /x\.sock.*crib serve/],
  ["a socket nobody answers", refused("ECONNREFUSED"), 3, /nobody answers/],
  ["another user's socket", refused("EACCES"), 3, /as root/],
  ["a usage error of our own", invalidArgument("name is bad"), 2, /^name is bad$/],
  ["a failure of our own", new CribError("internal", "broken"), 1, /^broken$/],
  ["an invalid argument told by the daemon", new ConnectError("bad id", Code.InvalidArgument), 1, /^bad id$/],
  ["a call the daemon lacks", new ConnectError("no Pull", Code.Unimplemented), 1, /does not offer this/],
  ["a call that took too long", new ConnectError("slow", Code.DeadlineExceeded), 1, /--timeout/],
  ["text that would paint the terminal", new ConnectError("\u001b[31mred", Code.NotFound), 1, /^\\u001b\[31mred$/],
  [
    "a missing file, which is no missing daemon",
    Object.assign(new Error("open /x"), { code: "ENOENT", syscall: "open" }),
    1,
    /^open \/x$/,
  ],
  ["something that is no error", "text", 1, /^text$/],
];

test.each(cases)("explainError() of %s", (_title, error, exitCode, message) => {
  const explanation = explainError(error, address);
  expect(explanation.exitCode).toBe(exitCode);
  expect(explanation.message).toMatch(message);
});
