import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../errors/errno.ts";
import { parseHostPath } from "../../ids/path.ts";
import { MonitorError } from "../native/monitor/launch-failure.ts";
import { runtimeFailure } from "./runtime-log.ts";

const directory = mkdtempSync(join(tmpdir(), "crib-runtime-log-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const log = parseHostPath(join(directory, "log"));
const exited = { errno: Errno.ECANCELED, step: "runtime", index: 3, call: "runtime exited with 1", path: "/runc" };

function told(text: string) {
  writeFileSync(log, text);
  return runtimeFailure(new MonitorError(exited), "runc", log);
}

const line = (level: string, msg: string) => `${JSON.stringify({ level, msg, time: "2026-11-30T00:00:00Z" })}\n`;

test.each([
  [
    "runc's missing program",
    line("warning", "w") + line("error", 'runc create failed: exec: "/x": stat /x: no such file or directory'),
    "failed-precondition",
    'runc: runc create failed: exec: "/x": stat /x: no such file or directory',
  ],
  [
    "crun's",
    line("error", "executable file `x` not found in $PATH: No such file or directory"),
    "failed-precondition",
    "runc: executable file `x` not found in $PATH: No such file or directory",
  ],
  [
    "a fault of the node",
    line("error", "cgroup: no such file or directory"),
    "internal",
    "runc: cgroup: no such file or directory",
  ],
  [
    "the last error of several",
    line("error", "first") + line("fatal", "last") + line("info", "bye"),
    "internal",
    "runc: last",
  ],
  ["what is no JSON beside what is", `panic: x\n${line("error", "said")}{"level":`, "internal", "runc: said"],
])("%s is one readable error", (_what, text, code, message) => {
  expect(told(text)).toMatchObject({ code, message });
});

test.each(["", "panic: not JSON\n", "null\n[1]\n{}\n"])(
  "a log that says nothing (%p) leaves what the monitor saw",
  (text) => {
    expect(told(text)).toMatchObject({ message: expect.stringContaining("runtime exited with 1") });
  },
);

test("what is no failure of the runtime's stays as it is", () => {
  writeFileSync(log, line("error", "old"));
  const others = [
    new Error("x"),
    new MonitorError({ ...exited, step: "rootfs" }),
    new MonitorError({ ...exited, errno: Errno.ETIMEDOUT, call: "took too long and was killed" }),
  ];
  for (const error of others) expect(runtimeFailure(error, "runc", log)).toBe(error);
});
