import { expect, test } from "bun:test";
import { parseImageConfig } from "./image-config.ts";

const diffId = `sha256:${"1".repeat(64)}`;
const parse = (document: unknown) =>
  parseImageConfig(new TextEncoder().encode(JSON.stringify(document)), "config of x");
const rootfs = { type: "layers", diff_ids: [diffId] };

test("what running an image takes is read, the rest is ignored, null is absent", () => {
  const { config } = parse({
    architecture: "amd64",
    os: "linux",
    config: {
      User: "1:2",
      Env: ["A=b"],
      Entrypoint: null,
      Cmd: ["x"],
      Volumes: { "/v": {} },
      ExposedPorts: { "80/tcp": {} },
      StopSignal: "SIGINT",
      Unknown: 1,
    },
    rootfs,
  });
  expect(config).toMatchObject({
    user: "1:2",
    env: ["A=b"],
    entrypoint: [],
    cmd: ["x"],
    volumes: ["/v"],
    exposedPorts: ["80/tcp"],
    stopSignal: "SIGINT",
    workingDir: "",
  });
});

test("keys match in any case, as every runtime written in Go reads them", () => {
  const { config, diffIds } = parse({
    Architecture: "amd64",
    config: { cmd: ["echo"], env: ["A=b"], workingDir: "/tmp", LABELS: { a: "1", A: "2" } },
    rootfS: { type: "layers", Diff_IDs: [diffId] },
  });
  expect(config).toMatchObject({ architecture: "amd64", cmd: ["echo"], env: ["A=b"], workingDir: "/tmp" });
  expect(Object.entries(config.labels)).toEqual([
    ["a", "1"],
    ["A", "2"],
  ]);
  expect(diffIds).toHaveLength(1);
});

test("null is absent wherever it stands", () => {
  const { config } = parse({
    created: null,
    config: { User: null, Env: ["A=b", null], Labels: { a: null }, Volumes: { "/v": null } },
    rootfs: { diff_ids: [diffId], type: null },
    history: null,
  });
  expect(config).toMatchObject({ user: "", env: ["A=b"], volumes: ["/v"], labels: { a: "" } });
});

test("nothing of a config can be changed: containers made at once share it", () => {
  const { config } = parse({ config: { Env: ["A=b"], Labels: { a: "b" } }, rootfs });
  expect(() => (config.env as string[]).push("x")).toThrow(TypeError);
  expect(() => Object.assign(config.labels, { c: "d" })).toThrow(TypeError);
  expect(() => Object.assign(config, { user: "0" })).toThrow(TypeError);
});

test("labels are data, whatever they are called", () => {
  const { config } = parseImageConfig(
    new TextEncoder().encode(
      `{"config":{"Labels":{"__proto__":"x","constructor":"y","io.crib.thing":"z"}},"rootfs":{"diff_ids":["${diffId}"]}}`,
    ),
    "config",
  );
  expect(Object.entries(config.labels)).toEqual([
    ["__proto__", "x"],
    ["constructor", "y"],
    ["io.crib.thing", "z"],
  ]);
  expect(Object.getPrototypeOf(config.labels)).toBeNull();
});

test.each([
  ["an env that is no list", { config: { Env: "A=b" }, rootfs }],
  ["a number in env", { config: { Env: [1] }, rootfs }],
  ["a malformed diff id", { rootfs: { diff_ids: ["sha256:x"] } }],
  ["a diff id by sha512", { rootfs: { diff_ids: [`sha512:${"1".repeat(128)}`] } }],
  ["a config that is a list", { config: [], rootfs }],
])("%s is refused", (_name, document) => {
  expect(() => parse(document)).toThrow(/^config of x/);
});
