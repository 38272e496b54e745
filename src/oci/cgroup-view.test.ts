import { describe, expect, test } from "bun:test";
import { fixtureHost, specInput } from "../../tests/fixtures/spec-input.ts";
import { CgroupMountMode, NamespaceMode } from "../gen/runtime/v1/api_pb.ts";
import { cgroupOwner } from "./cgroup-owner.ts";
import { buildContainerSpec } from "./container-spec.ts";

const { READ_ONLY, READ_WRITE } = CgroupMountMode;
const { CONTAINER, NODE, POD, TARGET } = NamespaceMode;
const cgroupns = (mode: NamespaceMode) => ({ cgroupnsOptions: { mode } });

type Security = NonNullable<NonNullable<Parameters<typeof specInput>[0]["linux"]>["securityContext"]>;

function specOf(securityContext: Security, host = fixtureHost) {
  const privileged = "privileged" in securityContext && securityContext.privileged === true;
  const sandbox = { linux: { securityContext: { privileged } } };
  return buildContainerSpec(specInput({ linux: { securityContext } }, { sandbox, host }));
}

function seen(securityContext: Security) {
  const { linux, mounts } = specOf(securityContext);
  const own = linux.namespaces.some(({ type }) => type === "cgroup");
  const options = mounts.find(({ type }) => type === "cgroup")?.options ?? [];
  return [own ? "own" : "host", options.includes("rw") ? "rw" : "ro"];
}

describe("a container's control groups", () => {
  test.each<readonly [string, Security, readonly string[]]>([
    ["nothing said", {}, ["own", "ro"]],
    ["privileged", { privileged: true }, ["own", "rw"]],
    ["CONTAINER", { namespaceOptions: cgroupns(CONTAINER) }, ["own", "ro"]],
    ["NODE", { namespaceOptions: cgroupns(NODE) }, ["host", "ro"]],
    ["NODE, privileged", { privileged: true, namespaceOptions: cgroupns(NODE) }, ["host", "rw"]],
    ["READ_ONLY", { cgroupMountMode: READ_ONLY }, ["own", "ro"]],
    ["READ_WRITE", { cgroupMountMode: READ_WRITE }, ["own", "rw"]],
    ["READ_WRITE, privileged", { privileged: true, cgroupMountMode: READ_WRITE }, ["own", "rw"]],
    [
      "READ_WRITE and NODE, privileged",
      { privileged: true, cgroupMountMode: READ_WRITE, namespaceOptions: cgroupns(NODE) },
      ["host", "rw"],
    ],
  ])("%s", (_name, security, expected) => {
    expect(seen(security)).toEqual([...expected]);
  });

  test.each<readonly [string, Security, string]>([
    ["READ_ONLY, privileged", { privileged: true, cgroupMountMode: READ_ONLY }, "always writable"],
    [
      "READ_WRITE and NODE",
      { cgroupMountMode: READ_WRITE, namespaceOptions: cgroupns(NODE) },
      "privileged containers only",
    ],
    ["POD", { namespaceOptions: cgroupns(POD) }, "POD is neither CONTAINER nor NODE"],
    ["TARGET", { namespaceOptions: cgroupns(TARGET) }, "TARGET is neither CONTAINER nor NODE"],
  ])("%s is refused", (_name, security, message) => {
    expect(() => specOf(security)).toThrow(message);
  });

  test("are not writable where nothing keeps the container in them", () => {
    const host = { ...fixtureHost, cgroupDelegation: false };
    expect(() => specOf({ cgroupMountMode: READ_WRITE }, host)).toThrow("nsdelegate");
    expect(specOf({ privileged: true, cgroupMountMode: READ_WRITE }, host).mounts).not.toBeEmpty();
  });

  test("belong to the container's root when it may write and is somebody else on the host", () => {
    const ids = [{ containerId: 0, hostId: 65_536, length: 65_536 }];
    const namespaceOptions = { usernsOptions: { mode: POD, uids: ids, gids: ids } };
    const spec = (cgroupMountMode: CgroupMountMode) =>
      buildContainerSpec(
        specInput(
          { linux: { securityContext: { namespaceOptions, cgroupMountMode } } },
          { sandbox: { linux: { securityContext: { namespaceOptions } } } },
        ),
      );
    expect(cgroupOwner(spec(READ_WRITE), fixtureHost)).toEqual({ uid: 65_536, gid: 65_536 });
    expect(cgroupOwner(spec(READ_ONLY), fixtureHost)).toBeUndefined();
    expect(cgroupOwner(specOf({ cgroupMountMode: READ_WRITE }), fixtureHost)).toBeUndefined();
  });
});
