import { describe, expect, test } from "bun:test";
import { parseNetworkList } from "./network-list.ts";

const list = (extra: object) => ({ cniVersion: "1.0.0", name: "net", plugins: [{ type: "bridge" }], ...extra });

describe("parseNetworkList", () => {
  test("a list keeps its order, capabilities and document", () => {
    const document = list({
      plugins: [{ type: "bridge" }, { type: "portmap", capabilities: { portMappings: true, dns: false } }],
    });
    const network = parseNetworkList(document, "10-net.conflist");
    expect(network.plugins.map(({ type, capabilities }) => [type, capabilities])).toEqual([
      ["bridge", []],
      ["portmap", ["portMappings"]],
    ]);
    expect(network.document).toBe(document);
    expect(parseNetworkList(JSON.parse(JSON.stringify(network.document)), "again")).toEqual(network);
  });

  test("a single plugin's configuration is a list of one", () => {
    const network = parseNetworkList({ cniVersion: "0.3.1", name: "one", type: "bridge", bridge: "b0" }, "10-one.conf");
    expect(network.plugins).toHaveLength(1);
    expect(network.plugins[0]?.config["bridge"]).toBe("b0");
  });

  test.each([
    [{ cniVersion: "1.1.0" }, "1.1.0"],
    [{ cniVersion: undefined }, "0.1.0"],
    [{ cniVersion: "1.0.0", cniVersions: ["0.4.0", "1.1.0", "9.0.0"] }, "1.1.0"],
    [{ cniVersion: undefined, cniVersions: ["0.4.0", "0.3.1"] }, "0.4.0"],
  ])("version of %j is %s", (extra, expected) => {
    expect(parseNetworkList(list(extra), "x").cniVersion).toBe(expected as "1.1.0");
  });

  // CVE-2021-20206: the type is joined to a directory and run as root.
  test.each(["../../bin/sh", "/bin/sh", "a/b", "..", ".", "", " ", "-rf", "a\0b", 5, undefined, "x".repeat(300)])(
    "refuses plugin type %j",
    (type) => {
      expect(() => parseNetworkList(list({ plugins: [{ type }] }), "bad.conflist")).toThrow(
        /bad\.conflist: plugin 1: type/,
      );
    },
  );

  test.each([
    [null, /not a JSON object/],
    [[], /not a JSON object/],
    [list({ name: "../x" }), /name "\.\.\/x"/],
    [list({ name: undefined }), /name/],
    [list({ plugins: [] }), /at least one/],
    [list({ plugins: "bridge" }), /at least one/],
    [list({ plugins: ["bridge"] }), /plugin 1 is not a JSON object/],
    [list({ cniVersion: "2.0.0" }), /cniVersion "2\.0\.0" is not one of/],
    [list({ disableGC: "perhaps" }), /disableGC/],
  ])("refuses %j", (document, message) => {
    expect(() => parseNetworkList(document, "bad.conflist")).toThrow(message);
  });
});
