import { describe, expect, test } from "bun:test";
import { parseCdiFile } from "./parse-cdi-file.ts";

const minimal = { cdiVersion: "0.3.0", kind: "vendor.com/class", devices: [{ name: "a", containerEdits: {} }] };
const json = (changes: object) => JSON.stringify({ ...minimal, ...changes });
const edits = (containerEdits: object, version = "0.3.0") =>
  json({ cdiVersion: version, devices: [{ name: "a", containerEdits }] });

describe("parseCdiFile", () => {
  test.each<readonly [string, string]>([
    ["the smallest", json({})],
    ["the newest version", json({ cdiVersion: "1.1.0" })],
    ["a version with v", json({ cdiVersion: "v0.6.0" })],
    ["everything of 0.7", edits({ additionalGids: [1], intelRdt: { closID: "x" }, mounts: [] }, "0.7.0")],
    ["null where a list may be", edits({ env: null, deviceNodes: null })],
  ])("reads %s", (_name, text) => {
    expect(parseCdiFile("/etc/cdi/x.json", text).kind).toBe("vendor.com/class");
  });

  test.each<readonly [string, string, string]>([
    ["no JSON", "{", "cannot be read"],
    ["an array", "[]", "top level"],
    ["no device", json({ devices: [] }), "devices: are none"],
    ["an unknown version", json({ cdiVersion: "9.0.0" }), '"9.0.0"; known are 0.3.0'],
    ["a version before the first release", json({ cdiVersion: "0.2.0" }), "0.2.0"],
    ["an unknown field", json({ containerEdit: {} }), "containerEdit"],
    ["an unknown edit", edits({ rlimits: [] }), "rlimits"],
    ["a kind without a class", json({ kind: "vendor.com" }), "kind"],
    ["a kind with a path", json({ kind: "vendor.com/a/b" }), "kind"],
    ["a kind that climbs", json({ kind: "../x" }), "kind"],
    ["a device twice", json({ devices: [minimal.devices[0], minimal.devices[0]] }), 'two devices "a"'],
    ["a device name with a slash", json({ devices: [{ name: "a/b", containerEdits: {} }] }), "devices.0.name"],
    ["a relative node", edits({ deviceNodes: [{ path: "dev/x" }] }), "path"],
    ["a node of no type", edits({ deviceNodes: [{ path: "/dev/x", type: "d" }] }), "type"],
    ["permissions", edits({ deviceNodes: [{ path: "/dev/x", permissions: "rx" }] }), "permissions"],
    ["a mode in decimal digits", edits({ deviceNodes: [{ path: "/dev/x", fileMode: 660 }] }), "write 0o660 or 432"],
    ["the id that means no change", edits({ additionalGids: [4_294_967_295] }, "0.7.0"), "additionalGids"],
    ["an environment entry without =", edits({ env: ["PATH"] }), "env"],
    ["an environment entry with NUL", edits({ env: ["A=b\0c"] }), "env"],
    ["a hook of no kind", edits({ hooks: [{ hookName: "now", path: "/x" }] }), "hookName"],
    ["a hook without a path", edits({ hooks: [{ hookName: "createContainer", path: "x" }] }), "path"],
    ["a mount type before 0.4", edits({ mounts: [{ hostPath: "/a", containerPath: "/b", type: "bind" }] }), "0.4.0"],
    ["a hostPath before 0.5", edits({ deviceNodes: [{ path: "/a", hostPath: "/b" }] }, "0.4.0"), "0.5.0"],
    ["a digit first before 0.5", json({ devices: [{ name: "0", containerEdits: {} }] }), "0.5.0"],
    ["annotations before 0.6", json({ annotations: { a: "b" } }), "0.6.0"],
    ["a dot in the class before 0.6", json({ kind: "vendor.com/a.b" }), "0.6.0"],
    ["groups before 0.7", edits({ additionalGids: [1] }, "0.6.0"), "0.7.0"],
    ["net devices before 1.1", edits({ netDevices: [{ hostInterfaceName: "e", name: "e" }] }, "1.0.0"), "1.1.0"],
  ])("refuses %s", (_name, text, message) => {
    expect(() => parseCdiFile("/etc/cdi/x.json", text)).toThrow(message);
    expect(() => parseCdiFile("/etc/cdi/x.json", text)).toThrow("/etc/cdi/x.json");
  });

  test("reads YAML, and modes as the authors of such files mean them (0660 became 660)", () => {
    const node = (line: string) => `cdiVersion: 0.5.0
kind: vendor.com/class
devices:
  - name: a
    containerEdits:
      deviceNodes:
        - {path: /dev/x, hostPath: /dev/y, ${line}}
`;
    const mode = (line: string) =>
      parseCdiFile("/etc/cdi/x.yaml", node(line)).devices[0]?.containerEdits.deviceNodes?.[0]?.fileMode;
    expect(mode("fileMode: 0660")).toBe(0o660);
    expect(mode("fileMode: 0400")).toBe(0o400);
    expect(mode("fileMode: 0o640")).toBe(0o640);
    expect(mode("fileMode: 432")).toBe(0o660);
    expect(() => mode("fileMode: 660")).toThrow("write 0o660");
  });

  test("is not held up by a YAML file that unfolds without end", () => {
    const lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
    for (let level = 1; level < 30; level++)
      lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(",")}]`);
    const before = process.memoryUsage.rss();
    expect(() => parseCdiFile("/etc/cdi/x.yaml", lines.join("\n"))).toThrow("CDI file /etc/cdi/x.yaml");
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 << 20);
  });
});
