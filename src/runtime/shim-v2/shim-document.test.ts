import { expect, test } from "bun:test";
import { bareSpec } from "../../../tests/fixtures/bare-spec.ts";
import { newSandboxId } from "../../ids/object-id.ts";
import { parseCgroupPath, parseHostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { namespacesOf, sandboxDocument, shimDocument } from "./shim-document.ts";

const spec = {
  ...bareSpec(["true"], parseCgroupPath("/pods/one")),
  hostname: "pod",
  annotations: {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": "c",
    "io.kubernetes.cri.sandbox-id": "s",
  },
};
const rootfs = parseHostPath("/root/fs");
const pod = [{ type: "network", path: "/proc/9/ns/net" }];
const uts = { type: "uts", path: "/proc/9/ns/uts" };
const sandbox = newSandboxId();
const own = { kind: "own" } as const;

test("the pod's namespaces are named by path, and those that it shares with the host not at all", () => {
  const document = shimDocument({ sandbox, spec, rootfs, pod, pidNamespace: own, leastOomScore: undefined });
  expect(document.linux.namespaces).toEqual([{ type: "mount" }, ...pod, { type: "pid" }]);
  expect(document.root.path).toBe(rootfs);
  expect(document.annotations).toMatchObject({
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.sandbox-id": sandbox,
  });
});

test("a hostname goes with a uts namespace alone: the host's is not changed", () => {
  const input = { sandbox, spec, rootfs, pidNamespace: own, leastOomScore: undefined };
  expect(shimDocument({ ...input, pod }).hostname).toBeUndefined();
  expect(shimDocument({ ...input, pod: [...pod, uts] }).hostname).toBe("pod");
});

test("the container that a sandbox begins with has no rights and names no container", () => {
  const document = sandboxDocument({ sandbox, spec, rootfs, args: ["/pause"], pod, cgroup: "/pods/sandbox" });
  expect(document.annotations).toEqual({
    "io.kubernetes.cri.container-type": "sandbox",
    "io.kubernetes.cri.sandbox-id": sandbox,
  });
  expect(document.process.capabilities?.bounding).toEqual([]);
  expect(document.root).toEqual({ path: rootfs, readonly: true });
});

test("namespaces of a keeper that lives in the host's are none of the pod's", () => {
  expect(namespacesOf(process.pid as Pid)).toEqual([]);
});
