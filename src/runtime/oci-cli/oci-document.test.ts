import { describe, expect, test } from "bun:test";
import { bareSpec } from "../../../tests/fixtures/bare-spec.ts";
import { parseCgroupPath, parseHostPath } from "../../ids/path.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import type { PidNamespace } from "../port.ts";
import { ociDocument, ociProcess } from "./oci-document.ts";

const rootfs = parseHostPath("/containers/one/rootfs");
const bare = bareSpec(["true"], parseCgroupPath("/pod/one"));
const document = (spec: RuntimeSpec, pidNamespace: PidNamespace = { kind: "own" }) =>
  ociDocument({ spec, rootfs, pidNamespace, leastOomScore: undefined });

describe("the document that another runtime is handed", () => {
  const pids: [PidNamespace, { type: string; path?: string }[]][] = [
    [{ kind: "own" }, [{ type: "pid" }]],
    [{ kind: "host" }, []],
    [{ kind: "pod", init: 77 as never }, [{ type: "pid", path: "/proc/77/ns/pid" }]],
    [{ kind: "process", pid: 88 }, [{ type: "pid", path: "/proc/88/ns/pid" }]],
  ];
  test.each(pids)("names no namespace of the pod's, and for pid %j these: %j", (pidNamespace, expected) => {
    expect(document(bare, pidNamespace).linux.namespaces).toEqual([{ type: "mount" }, ...expected]);
  });

  test("has its root by an absolute path, and neither hostname nor sysctls, which are the pod's", () => {
    const spec = { ...bare, hostname: "pod", linux: { ...bare.linux, sysctl: { "net.ipv4.ip_forward": "1" } } };
    const handed = document(spec);
    expect(handed.root).toEqual({ path: rootfs, readonly: false });
    expect(handed).not.toHaveProperty("hostname");
    expect(handed.linux).not.toHaveProperty("sysctl");
  });

  test("has no mount that the OCI has no words for", () => {
    const image = {
      destination: "/image",
      type: "image",
      source: "",
      options: [],
      image: { lower: [rootfs], path: "" },
    };
    const copy = { destination: "/data", type: "bind", source: "/volumes/0", options: ["rbind"], copyUp: true };
    expect(document({ ...bare, mounts: [...bare.mounts, image, copy] }).mounts).toEqual(bare.mounts);
  });

  test("calls itself of a version that older runtimes take", () => {
    expect(document(bare).ociVersion).toBe("1.0.2");
  });
});

test.each([
  [-998, undefined, -998],
  [-998, 0, 0],
  [-998, -500, -500],
  [1000, 0, 1000],
  [undefined, 0, undefined],
  [undefined, 200, 200],
])("an oom score of %p where nothing below %p is granted is %p", (asked, least, expected) => {
  const process = { ...bare.process, ...(asked !== undefined && { oomScoreAdj: asked }) };
  expect(ociProcess(process, least).oomScoreAdj).toBe(expected as number);
});
