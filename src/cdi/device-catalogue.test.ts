import { describe, expect, test } from "bun:test";
import { containerSpec } from "../../tests/fixtures/specs.ts";
import type { CdiFile } from "./cdi-file.ts";
import type { FoundCdiFile } from "./device-catalogue.ts";
import { cdiEditsFor } from "./device-catalogue.ts";
import { requestedCdiDevices } from "./requested-devices.ts";

function file(
  path: string,
  priority: number,
  devices: Readonly<Record<string, string>>,
  general?: string,
): FoundCdiFile {
  const content: CdiFile = {
    cdiVersion: "0.3.0",
    kind: "v.com/c",
    devices: Object.entries(devices).map(([name, value]) => ({ name, containerEdits: { env: [`E=${value}`] } })),
    ...(general !== undefined && { containerEdits: { env: [`G=${general}`] } }),
  };
  return { path, priority, content };
}

const names = (...texts: string[]) =>
  requestedCdiDevices(containerSpec({ CDIDevices: texts.map((name) => ({ name })) }));
const find = (wanted: readonly string[], files: readonly FoundCdiFile[]) =>
  cdiEditsFor(names(...wanted), files, ["/etc/cdi", "/run/cdi"]).flatMap(({ env }) => env ?? []);

describe("cdiEditsFor", () => {
  test("puts a file's general edits first, once", () => {
    const files = [file("/etc/cdi/a.json", 0, { x: "1", y: "2" }, "all")];
    expect(find(["v.com/c=y", "v.com/c=x"], files)).toEqual(["G=all", "E=2", "E=1"]);
  });

  test("takes the later directory's device, whatever the order of files", () => {
    const files = [file("/run/cdi/b.json", 1, { x: "late" }), file("/etc/cdi/a.json", 0, { x: "early", y: "early" })];
    expect(find(["v.com/c=x", "v.com/c=y"], files)).toEqual(["E=late", "E=early"]);
  });

  test("refuses a device that two files of one directory have, unless a later directory settles it", () => {
    const rivals = [file("/etc/cdi/a.json", 0, { x: "1" }), file("/etc/cdi/b.json", 0, { x: "2" })];
    expect(() => find(["v.com/c=x"], rivals)).toThrow(
      "in two files of one directory: /etc/cdi/a.json, /etc/cdi/b.json",
    );
    expect(find(["v.com/c=x"], [...rivals, file("/run/cdi/c.json", 1, { x: "3" })])).toEqual(["E=3"]);
  });

  test("names what is missing, where it looked, and what it could not read", () => {
    const broken: FoundCdiFile = { path: "/etc/cdi/z.json", priority: 0, content: { problem: "z.json is broken" } };
    expect(() => find(["v.com/c=x"], [broken])).toThrow(
      "CDI device v.com/c=x is in no file of /etc/cdi, /run/cdi; unusable: z.json is broken",
    );
  });
});

describe("requestedCdiDevices", () => {
  const config = (CDIDevices: string[], annotations: Record<string, string>) =>
    containerSpec({ CDIDevices: CDIDevices.map((name) => ({ name })), annotations });

  test("joins field and annotations, each device once", () => {
    const annotations = { "cdi.k8s.io/a_b": "v.com/c=x,v.com/c=y", "cdi.k8s.iox/a": "junk", other: "junk" };
    expect(requestedCdiDevices(config(["v.com/c=y"], annotations)).map(String)).toEqual(["v.com/c=y", "v.com/c=x"]);
  });

  test.each([
    [["v.com=x"], {}],
    [["v.com/c"], {}],
    [["v.com/c="], {}],
    [["v.com/c=x=y"], {}],
    [[`${"v".repeat(300)}/c=x`], {}],
    [[], { "cdi.k8s.io/a": "" }],
    [[], { "cdi.k8s.io/a": "v.com/c=x, v.com/c=y" }],
    [[], { "cdi.k8s.io/": "v.com/c=x" }],
    [[], { "cdi.k8s.io/a/b": "v.com/c=x" }],
  ])("refuses %j %j", (devices, annotations) => {
    expect(() => requestedCdiDevices(config(devices, annotations as Record<string, string>))).toThrow();
  });
});
