import { describe, expect, test } from "bun:test";
import { specInput } from "../../tests/fixtures/spec-input.ts";
import { buildContainerSpec } from "../oci/container-spec.ts";
import { applyCdiEdits } from "./apply-edits.ts";
import type { CdiEdits } from "./cdi-file.ts";
import type { HostNode } from "./host-node.ts";

const nodes = new Map<string, HostNode>([
  ["/dev/gpu0", { type: "c", major: 195, minor: 3, mode: 0o660 }],
  ["/dev/disk", { type: "b", major: 8, minor: 16, mode: 0o600 }],
]);
const base = buildContainerSpec(specInput({ envs: [{ key: "A", value: Buffer.from("1") }] as never }));
const apply = (edits: CdiEdits, spec = base) => applyCdiEdits(spec, [edits], (path) => nodes.get(path));

describe("applyCdiEdits", () => {
  test("changes nothing without edits", () => expect(applyCdiEdits(base, [], () => undefined)).toBe(base));

  test("grants a node as the host has it", () => {
    const { devices, resources } = apply({ deviceNodes: [{ path: "/dev/gpu", hostPath: "/dev/gpu0" }] }).linux;
    expect(devices.at(-1)).toEqual({
      path: "/dev/gpu",
      type: "c",
      major: 195,
      minor: 3,
      fileMode: 0o660,
      uid: 0,
      gid: 0,
    });
    expect(resources.devices.at(-1)).toEqual({ allow: true, type: "c", major: 195, minor: 3, access: "rwm" });
  });

  test("grants a node as the file has it, without a look at the host", () => {
    const node = {
      path: "/dev/n",
      type: "u",
      major: 1,
      minor: 2,
      fileMode: 0o400,
      uid: 5,
      gid: 6,
      permissions: "r",
    } as const;
    const { devices, resources } = apply({ deviceNodes: [node] }).linux;
    expect(devices.at(-1)).toEqual({ path: "/dev/n", type: "c", major: 1, minor: 2, fileMode: 0o400, uid: 5, gid: 6 });
    expect(resources.devices.at(-1)).toMatchObject({ access: "r" });
  });

  test("gives a node to the container's user", () => {
    const user = { runAsUser: { value: 7n }, runAsGroup: { value: 8n } };
    const spec = buildContainerSpec(specInput({ linux: { securityContext: user } } as never));
    expect(apply({ deviceNodes: [{ path: "/dev/gpu0" }] }, spec).linux.devices.at(-1)).toMatchObject({
      uid: 7,
      gid: 8,
    });
  });

  test.each<readonly [string, CdiEdits, string]>([
    ["a node that is not there", { deviceNodes: [{ path: "/dev/none" }] }, '"/dev/none" does not exist'],
    ["a node of another type", { deviceNodes: [{ path: "/dev/disk", type: "c" }] }, "is of type b, not c"],
    ["a network device", { netDevices: [{ hostInterfaceName: "eth7", name: "e" }] }, '"eth7" cannot be moved'],
    ["a hook before its time", { hooks: [{ hookName: "createRuntime", path: "/h" }] }, 'hook createRuntime "/h"'],
    ["an hour's hook", { hooks: [{ hookName: "createContainer", path: "/h", timeout: 3600 }] }, "3600 s"],
  ])("refuses %s", (_name, edits, message) => expect(() => apply(edits)).toThrow(message));

  test("replaces environment by name, appends the rest", () => {
    const { env } = apply({ env: ["B=2", "A=cdi"] }).process;
    expect(env).toContain("A=cdi");
    expect(env.filter((entry) => entry.startsWith("A="))).toHaveLength(1);
    expect(env.at(-1)).toBe("B=2");
  });

  test("adds groups once", () => {
    expect(apply({ additionalGids: [0, 44, 44] }).process.user.additionalGids).toEqual([0, 44]);
  });

  test("places mounts so that none hides another", () => {
    const mounts = [
      { hostPath: "/lib/x/y", containerPath: "/usr/lib/x/y", options: ["ro", "bind"] },
      { hostPath: "/h", containerPath: "/etc/hosts" },
      { hostPath: "/usr/lib", containerPath: "/usr/lib", options: ["rbind"] },
      { hostPath: "tmpfs", containerPath: "/scratch", type: "tmpfs", options: ["size=1m"] },
    ];
    const all = apply({ mounts }).mounts;
    const at = (path: string) => all.findIndex(({ destination }) => destination === path);
    expect(at("/usr/lib")).toBeLessThan(at("/usr/lib/x/y"));
    expect(at("/proc")).toBe(0);
    expect(all.filter(({ destination }) => destination === "/etc/hosts")).toEqual([
      { destination: "/etc/hosts", type: "bind", source: "/h", options: ["rbind"] },
    ]);
    expect(all[at("/scratch")]).toMatchObject({ type: "tmpfs", options: ["size=1m"] });
  });

  test("keeps hooks with their limits", () => {
    const { hooks } = apply({ hooks: [{ hookName: "createContainer", path: "/h", env: ["A=b"] }] });
    expect(hooks?.createContainer).toEqual([{ path: "/h", args: ["/h"], env: ["A=b"], timeout: 60 }]);
  });
});
