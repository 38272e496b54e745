import { describe, expect, test } from "bun:test";
import { seccompAction, seccompArchName, seccompOperator } from "./seccomp-actions.ts";

describe("seccompAction", () => {
  test.each([
    ["SCMP_ACT_ALLOW", undefined, 0x7fff0000],
    ["SCMP_ACT_ERRNO", undefined, 0x00050001],
    ["SCMP_ACT_ERRNO", 38, 0x00050026],
    ["SCMP_ACT_ERRNO", 0, 0x00050000],
    ["SCMP_ACT_TRACE", 7, 0x7ff00007],
    ["SCMP_ACT_KILL", undefined, 0],
    ["SCMP_ACT_KILL_PROCESS", undefined, 0x80000000],
    ["SCMP_ACT_LOG", 0, 0x7ffc0000],
  ])("%s with %p", (name, errno, value) => {
    expect(seccompAction(name, errno) >>> 0).toBe(value);
  });

  test.each([
    ["SCMP_ACT_MAYBE", undefined, "unknown"],
    ["toString", undefined, "unknown"],
    ["SCMP_ACT_ALLOW", 1, "takes no errnoRet"],
    ["SCMP_ACT_ERRNO", -1, "out of range"],
    ["SCMP_ACT_ERRNO", 65536, "out of range"],
    ["SCMP_ACT_ERRNO", 1.5, "out of range"],
  ])("refuses %s with %p", (name, errno, reason) => {
    expect(() => seccompAction(name, errno)).toThrow(reason);
  });
});

test("operators and architectures are taken from their tables only", () => {
  expect(seccompOperator("SCMP_CMP_MASKED_EQ")).toBe(7);
  expect(() => seccompOperator("SCMP_CMP_LIKE")).toThrow("unknown");
  expect(seccompArchName("SCMP_ARCH_X86_64")).toBe("x86_64");
  expect(() => seccompArchName("x86_64")).toThrow("unknown");
});
