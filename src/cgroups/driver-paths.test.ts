import { describe, expect, test } from "bun:test";
import { CribError } from "../errors/crib-error.ts";
import type { ContainerId } from "../ids/object-id.ts";
import { driverPaths } from "./driver-paths.ts";

describe("systemd names", () => {
  const { systemd } = driverPaths;
  const slices: readonly [string, string][] = [
    ["system.slice", "/system.slice"],
    ["-.slice", "/"],
    ["kubepods-burstable.slice", "/kubepods.slice/kubepods-burstable.slice"],
    ["/kubepods-besteffort-pod1_2.slice", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice"],
  ];
  for (const [slice, path] of slices) {
    test(`${slice} lies at ${path}`, () => expect(String(systemd.parent(slice))).toBe(path));
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
    test(`${JSON.stringify(slice)} is no slice`, () => expect(() => systemd.parent(slice)).toThrow(CribError));
  }

  test("a container is a scope in its pod's slice", () => {
    const id = "c".repeat(64) as ContainerId;
    expect(String(systemd.container(systemd.parent("a-b.slice"), id))).toBe(`/a.slice/a-b.slice/crib-${id}.scope`);
  });
});

describe("cgroupfs names", () => {
  const { cgroupfs } = driverPaths;

  test("are paths, with or without the leading slash", () => {
    expect(String(cgroupfs.parent("/kubepods/pod1"))).toBe("/kubepods/pod1");
    expect(String(cgroupfs.parent("kubepods/pod1"))).toBe("/kubepods/pod1");
    expect(String(cgroupfs.container(cgroupfs.parent("/a"), "c1" as ContainerId))).toBe("/a/c1");
  });

  test("do not leave the hierarchy", () => {
    for (const parent of ["/../x", "../x", "/a/../../x", "/a\0b"])
      expect(() => cgroupfs.parent(parent)).toThrow(CribError);
  });
});
