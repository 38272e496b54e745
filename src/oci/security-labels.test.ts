import { describe, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { fixtureHost } from "../../tests/fixtures/spec-input.ts";
import { securityContext } from "../../tests/fixtures/specs.ts";
import { type LinuxContainerSecurityContextSchema, SecurityProfile_ProfileType } from "../gen/runtime/v1/api_pb.ts";
import { type AppArmorWish, apparmorWish, selinuxLabel } from "./security-labels.ts";

type Context = MessageInitShape<typeof LinuxContainerSecurityContextSchema>;
const { Localhost, RuntimeDefault, Unconfined } = SecurityProfile_ProfileType;
const tight = { profileType: Localhost, localhostRef: "localhost/tight" };

const wish = (context: Context | undefined, apparmor = true): AppArmorWish =>
  apparmorWish(context && securityContext(context), { ...fixtureHost, apparmor });

describe("apparmorWish()", () => {
  const cases: readonly [string, Context | undefined, AppArmorWish][] = [
    ["nothing at all", undefined, { kind: "default", asked: false }],
    ["a context that says nothing of it", {}, { kind: "default", asked: false }],
    ["RuntimeDefault", { apparmor: { profileType: RuntimeDefault } }, { kind: "default", asked: true }],
    ["its old spelling", { apparmorProfile: "runtime/default" }, { kind: "default", asked: true }],
    ["Unconfined", { apparmor: { profileType: Unconfined } }, { kind: "unconfined" }],
    ["its old spelling", { apparmorProfile: "unconfined" }, { kind: "unconfined" }],
    ["the field over its old spelling", { apparmor: tight, apparmorProfile: "unconfined" }, named("tight")],
    ["Localhost in its old spelling", { apparmorProfile: "localhost/tight" }, named("tight")],
    ["privileged", { privileged: true }, { kind: "unconfined" }],
    ["privileged by default", { privileged: true, apparmor: { profileType: RuntimeDefault } }, { kind: "unconfined" }],
    ["privileged under a profile of the host's", { privileged: true, apparmor: tight }, named("tight")],
  ];
  test.each(cases)("%s", (_what, context, expected) => {
    expect(wish(context)).toEqual(expected);
  });

  test("without AppArmor who names nothing runs unconfined, and who names a profile is refused", () => {
    expect(wish({}, false)).toEqual({ kind: "unconfined" });
    expect(wish({ apparmor: { profileType: Unconfined } }, false)).toEqual({ kind: "unconfined" });
    for (const asked of [{ apparmor: tight }, { apparmor: { profileType: RuntimeDefault } }]) {
      expect(() => wish(asked, false)).toThrow("AppArmor is not enabled on this host");
    }
    expect(() => wish({ apparmorProfile: "runtime/default" }, false)).toThrow("AppArmor is not enabled on this host");
  });

  test("a malformed name is refused", () => {
    for (const context of [{ apparmorProfile: "tight" }, { apparmorProfile: "localhost/" }]) {
      expect(() => wish(context)).toThrow("is malformed");
    }
    for (const localhostRef of ["", "a b", "a\nb", "x".repeat(256)]) {
      expect(() => wish({ apparmor: { profileType: Localhost, localhostRef } })).toThrow("is malformed");
    }
  });
});

describe("selinuxLabel()", () => {
  const label = (options: Partial<Record<"user" | "role" | "type" | "level", string>>, selinux = true) =>
    selinuxLabel(securityContext({ selinuxOptions: options }), { selinux });

  test.each([
    [{ user: "u", role: "r", type: "t", level: "s0:c1,c2" }, "u:r:t:s0:c1,c2"],
    [{ user: "u" }, "u:system_r:container_t:s0"],
    [{ role: "r" }, "system_u:r:container_t:s0"],
    [{ type: "spc_t" }, "system_u:system_r:spc_t:s0"],
    [{ level: "s0:c123,c456" }, "system_u:system_r:container_t:s0:c123,c456"],
  ])("%p is %s where the kernel has SELinux, and nothing where it has none", (options, expected) => {
    expect(label(options)).toBe(expected);
    expect(label(options, false)).toBeUndefined();
  });

  test("nothing said is no label", () => {
    expect(selinuxLabel(undefined, { selinux: true })).toBeUndefined();
    expect(label({})).toBeUndefined();
  });

  test("a malformed one is refused only where it would mean something", () => {
    expect(() => label({ type: "a b" })).toThrow("is malformed");
    expect(label({ type: "a b" }, false)).toBeUndefined();
  });
});

function named(name: string): AppArmorWish {
  return { kind: "localhost", name };
}
