import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import {
  CgroupMountMode,
  CgroupNamespaceSchema,
  NamespaceMode,
  NamespaceOptionSchema,
} from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { ContainerRequest } from "../harness/test-bed.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { ownUsers } from "../harness/user-namespace.ts";

const bed = useTestBed();

type Security = NonNullable<NonNullable<ContainerRequest["linux"]>["securityContext"]>;

/** The first hierarchy mounted in the container: what is below it, and whether a group can be made there. */
const script = `cat /proc/self/cgroup
d=$(grep ' - cgroup' /proc/self/mountinfo | head -n 1 | cut -d' ' -f5)
if mkdir $d/probe 2>/dev/null; then rmdir $d/probe; echo writable; else echo read-only; fi
ls $d | grep -c '^kubepods\\|^crib\\|^system.slice\\|^init.scope' >/dev/null && echo "groups of the host" || echo "no groups of the host"`;

async function seen(securityContext: Security, pod: object = {}) {
  const sandbox = await bed.runPod({ linux: { securityContext: pod } });
  const container = await bed.runIdle(sandbox, { linux: { securityContext } });
  const { stdout, stderr } = await container.exec(["sh", "-c", script]);
  const lines = stdout.trim().split("\n");
  return { namesItself: stdout.includes(container.id), access: lines.at(-2), below: lines.at(-1), stderr };
}

const cgroupns = (mode: NamespaceMode) => ({ cgroupnsOptions: { mode } });
const ownGroups = { namesItself: false, access: "read-only", below: "no groups of the host", stderr: "" };
const hostGroups = { namesItself: true, access: "read-only", below: "groups of the host", stderr: "" };

describe("a container's view of control groups", () => {
  test("is its own group, read-only, unless said otherwise", async () => {
    expect(await seen({})).toEqual(ownGroups);
  });

  const crib = onlyCrib("cgroupns_options and cgroup_mount_mode are of CRI 0.38");

  crib("is its own group with CONTAINER, writable when privileged", async () => {
    const container = { namespaceOptions: cgroupns(NamespaceMode.CONTAINER) };
    expect(await seen(container)).toEqual(ownGroups);
    expect(await seen({ ...container, privileged: true }, { privileged: true })).toEqual({
      ...ownGroups,
      access: "writable",
    });
  });

  crib("is the host's with NODE, writable when privileged", async () => {
    const node = { namespaceOptions: cgroupns(NamespaceMode.NODE) };
    expect(await seen(node)).toEqual(hostGroups);
    expect(await seen({ ...node, privileged: true }, { privileged: true })).toEqual({
      ...hostGroups,
      access: "writable",
    });
  });

  crib("is the host's with NODE in a user namespace, which may not mount it", async () => {
    const users = ownUsers();
    const namespaceOptions = create(NamespaceOptionSchema, {
      ...users,
      cgroupnsOptions: create(CgroupNamespaceSchema, { mode: NamespaceMode.NODE }),
    });
    expect(await seen({ namespaceOptions }, { namespaceOptions: users })).toEqual(hostGroups);
  });

  crib("is writable with READ_WRITE where the kernel keeps the container in it, and refused elsewhere", async () => {
    const { features } = await bed.cri.runtime.status({});
    const readWrite = { cgroupMountMode: CgroupMountMode.READ_WRITE };
    if (features?.cgroupMountMode === true) {
      expect(await seen(readWrite)).toEqual({ ...ownGroups, access: "writable" });
    } else {
      expect(await codeOf(seen(readWrite))).toBe("FailedPrecondition");
    }
  });

  crib("is told as a feature of the handler", async () => {
    const { runtimeHandlers } = await bed.cri.runtime.status({});
    expect(runtimeHandlers).not.toBeEmpty();
    for (const { features } of runtimeHandlers) expect(features?.cgroupNamespaces).toBe(true);
  });
});
