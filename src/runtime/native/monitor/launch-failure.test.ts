import { describe, expect, test } from "bun:test";
import { Errno } from "../../../errors/errno.ts";
import type { ErrorCode } from "../../../errors/error-code.ts";
import { type Failure, MonitorError } from "./launch-failure.ts";

const at = (step: string | undefined, errno: number, call: string, path: string): Failure => ({
  errno,
  step,
  index: 4,
  call,
  path,
});

describe("MonitorError", () => {
  const cases: readonly (readonly [Failure, ErrorCode, string])[] = [
    [at("exec", Errno.ENOENT, "x", "nginx"), "failed-precondition", 'exec "nginx": executable file not found in $PATH'],
    [at("exec", Errno.ENOENT, "execve", "/bin/sh"), "failed-precondition", 'exec "/bin/sh": no such file or directory'],
    [at("exec", Errno.EACCES, "execve", "/etc/passwd"), "failed-precondition", "permission denied"],
    [at("exec", Errno.ENOEXEC, "execve", "/app"), "failed-precondition", "exec format error"],
    [at("lsm-label", Errno.ENOENT, "write", "tight"), "failed-precondition", 'no AppArmor profile "tight" is loaded'],
    [
      at("bind", Errno.EINVAL, "move_mount", "/etc/app.conf"),
      "failed-precondition",
      'mount on "/etc/app.conf": a directory and a file cannot be mounted on one another',
    ],
    [at("bind", Errno.EINVAL, "mount_setattr", "/data"), "internal", 'step 4 bind: mount_setattr "/data": EINVAL'],
    [at("lsm-label", Errno.ENOENT, "openat2", "attr"), "internal", 'step 4 lsm-label: openat2 "attr": ENOENT'],
    [at("mount", Errno.EPERM, "fsmount", "/proc"), "internal", 'step 4 mount: fsmount "/proc": EPERM'],
    [at("open-source", Errno.ETIMEDOUT, "took too long and was killed", ""), "deadline-exceeded", "step 4 open-source"],
    [at(undefined, Errno.ESRCH, "exec", "container is not running"), "failed-precondition", "not running"],
    [at(undefined, Errno.EEXIST, "launch", "ab"), "already-exists", "EEXIST"],
    [at(undefined, Errno.EPROTONOSUPPORT, "monitor speaks protocol", "1"), "unimplemented", "monitor speaks protocol"],
  ];
  for (const [failure, code, message] of cases) {
    test(`says ${message}`, () => {
      const error = new MonitorError(failure);
      expect(error.code).toBe(code);
      expect(error.message).toContain(message);
    });
  }
});
