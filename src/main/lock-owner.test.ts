import { expect, test } from "bun:test";
import type { Pid } from "../ids/process.ts";
import { createLinuxKernel } from "../kernel/linux/linux.ts";
import { formatLockOwner, hasLeft, isKilledButStuck, parseLockOwner } from "./lock-owner.ts";

test("a lock's owner is read as it was written, and as older cribs wrote it", () => {
  const owner = { pid: 42 as Pid, startTime: 77n, bootId: "b0-0t" };
  expect(parseLockOwner(formatLockOwner(owner))).toEqual(owner);
  expect(parseLockOwner("42\n")).toEqual({ pid: 42 as Pid, startTime: undefined, bootId: undefined });
  for (const text of ["", "0\n", "x\n", "42 \n", "-1 2 3"]) expect(parseLockOwner(text)).toBeUndefined();
});

test("an owner that runs has not left and is not stuck; one of the same number that started later is not it", () => {
  const kernel = createLinuxKernel();
  const startTime = kernel.processStartTime(process.pid as Pid);
  const self = { pid: process.pid as Pid, startTime, bootId: "b" };
  expect(hasLeft(kernel, self)).toBe(false);
  expect(isKilledButStuck(kernel, self)).toBe(false);
  expect(hasLeft(kernel, { ...self, startTime: 1n })).toBe(true);
});
