import { describe, expect, test } from "bun:test";
import { CribError } from "../errors/crib-error.ts";
import { systemdCgroupsPath, systemdScopePath, systemdSlicePath } from "./systemd-path.ts";

describe("systemd names", () => {
  const slices: readonly [string, string][] = [
    ["system.slice", "/system.slice"],
    ["-.slice", "/"],
    ["kubepods-burstable.slice", "/kubepods.slice/kubepods-burstable.slice"],
    ["/kubepods-besteffort-pod1_2.slice", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice"],
  ];
  for (const [slice, path] of slices) {
    test(`${slice} lies at ${path}`, () =>
      expect(systemdSlicePath(slice)).toBe(path as ReturnType<typeof systemdSlicePath>));
  }

  for (const slice of [
    "",
    "kubepods",
    "/kubepods/pod1",
    "a--b.slice",
    "-a.slice",
    "a-.slice",
    "..slice",
    "a/b.slice",
    "a\nb.slice",
  ]) {
    test(`${JSON.stringify(slice)} is no slice`, () => expect(() => systemdSlicePath(slice)).toThrow(CribError));
  }

  test("a container is a scope in its pod's slice", () => {
    expect(String(systemdScopePath(systemdSlicePath("a-b.slice"), "c1"))).toBe("/a.slice/a-b.slice/crib-c1.scope");
  });

  test("slice:prefix:name is a path", () => {
    expect(String(systemdCgroupsPath("a-b.slice:crib:c1"))).toBe("/a.slice/a-b.slice/crib-c1.scope");
    expect(String(systemdCgroupsPath("::c1"))).toBe("/system.slice/c1.scope");
    for (const text of ["a.slice:crib", "a.slice:crib:..:x", "a.slice:crib:a/b", "a.slice:crib:"]) {
      expect(() => systemdCgroupsPath(text)).toThrow(CribError);
    }
  });
});
