import { describe, expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import { parseManifest } from "./manifest.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: digest("1"), size: 10 };
const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: digest("2"), size: 20 };
const good = { schemaVersion: 2, mediaType: manifestType, config, layers: [layer] };

const parse = (document: unknown, mediaType = manifestType) =>
  parseManifest(
    new TextEncoder().encode(typeof document === "string" ? document : JSON.stringify(document)),
    mediaType,
    "manifest of x",
  );

/** Fills the third column: a test function with a parameter left over would be given a callback. */
function withType(rows: readonly (readonly [string, unknown, string?])[]): [string, unknown, string | undefined][] {
  return rows.map(([name, document, mediaType]) => [name, document, mediaType]);
}

test("a manifest and an index are read", () => {
  expect(parse(good)).toMatchObject({ kind: "manifest", layers: [{ sizeBytes: 20 }] });
  const entry = {
    mediaType: manifestType,
    digest: digest("3"),
    size: 5,
    platform: { os: "linux", architecture: "arm64", variant: "v8" },
  };
  expect(parse({ schemaVersion: 2, manifests: [entry] }, indexType)).toMatchObject({
    kind: "index",
    manifests: [{ platform: { architecture: "arm64", variant: "v8" } }],
  });
});

describe("one kind under another name is read", () => {
  const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
  const dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
  const index = { schemaVersion: 2, mediaType: indexType, manifests: [{ ...layer, mediaType: manifestType }] };
  test.each<[string, unknown, string, "manifest" | "index"]>([
    ["an OCI manifest served as Docker's", good, dockerManifest, "manifest"],
    ["a Docker manifest served as OCI's", { ...good, mediaType: dockerManifest }, manifestType, "manifest"],
    ["an OCI index served as Docker's list", index, dockerIndex, "index"],
    ["a type with parameters", good, `${manifestType}; charset=utf-8`, "manifest"],
    ["a type in capitals", good, manifestType.toUpperCase(), "manifest"],
    ["no type inside", { ...good, mediaType: null }, manifestType, "manifest"],
    ["no type outside", good, "", "manifest"],
    ["no type at all, a manifest by what it holds", { ...good, mediaType: "" }, "application/json", "manifest"],
    ["no type at all, an index by what it holds", { ...index, mediaType: undefined }, "text/plain", "index"],
    ["keys in another case", { SchemaVersion: 2, Config: config, Layers: [layer] }, manifestType, "manifest"],
    [
      "a config and a layer without type",
      { ...good, config: { ...config, mediaType: "" }, layers: [{ ...layer, mediaType: null }] },
      manifestType,
      "manifest",
    ],
  ])("%s", (_name, document, mediaType, kind) => {
    expect(parse(document, mediaType).kind).toBe(kind);
  });
});

describe("what two readers could take for two things is refused", () => {
  test.each<[string, unknown, string | undefined]>(
    withType([
      ["layers and manifests", { ...good, manifests: [] }],
      [
        "an index that calls itself a manifest",
        { schemaVersion: 2, mediaType: manifestType, manifests: [] },
        indexType,
      ],
      ["a manifest that came as an index", good, indexType],
      ["a manifest that came as Docker's list", good, "application/vnd.docker.distribution.manifest.list.v2+json"],
      ["layers in two spellings", `{"schemaVersion":2,"config":{},"layers":[],"Layers":[]}`],
      ["a digest in two spellings", JSON.stringify(good).replace('"digest"', '"Digest":"x","digest"')],
      ["a size with an exponent", JSON.stringify(good).replace('"size":20', '"size":2e1')],
      ["a short digest", { ...good, layers: [{ ...layer, digest: "sha256:abc" }] }],
      ["a doubled key", `{"schemaVersion":2,"layers":[],"config":{},"layers":[]}`],
      ["a doubled key, once escaped", `{"schemaVersion":2,"layers":[],"config":{},"\\u006cayers":[]}`],
      ["schema 1 inside schema 2", { ...good, fsLayers: [] }],
      ["neither", { schemaVersion: 2 }],
      ["no version", { ...good, schemaVersion: undefined }],
      ["null layers", { ...good, layers: null }],
      ["a null layer", { ...good, layers: [null] }],
      ["a layer without size", { ...good, layers: [{ ...layer, size: undefined }] }],
      ["a negative size", { ...good, layers: [{ ...layer, size: -1 }] }],
      ["a size over 2^53", JSON.stringify(good).replace('"size":20', '"size":18446744073709551615')],
      ["a digest with a path in it", { ...good, layers: [{ ...layer, digest: "sha256:../../etc/x" }] }],
      ["a digest in capitals", { ...good, config: { ...config, digest: `sha256:${"A".repeat(64)}` } }],
      ["a digest with a NUL", { ...good, config: { ...config, digest: `sha256:${"1".repeat(63)}\0` } }],
      ["no JSON", "{"],
      ["a list", "[]"],
      ["null", "null"],
      ["a million brackets", "[".repeat(1_000_000)],
      ["a million objects", '{"a":'.repeat(700_000)],
    ]),
  )("%s", (_name, document, mediaType) => {
    const started = performance.now();
    expect(() => parse(document, mediaType)).toThrow(CribError);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe("what crib does not run is refused with a reason", () => {
  test.each<[string, unknown, string, string]>([
    ["schema 1 by type", good, "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1"],
    ["schema 1 by version", { schemaVersion: 1, fsLayers: [] }, manifestType, "schema 1"],
    [
      "an artifact",
      { ...good, config: { ...config, mediaType: "application/vnd.cncf.helm.config.v1+json" } },
      manifestType,
      "artifact",
    ],
    [
      "a native filesystem layer",
      { ...good, layers: [{ ...layer, mediaType: "application/vnd.erofs" }] },
      manifestType,
      "does not unpack",
    ],
    ["no layers", { ...good, layers: [] }, manifestType, "no layers"],
    ["HTML", good, "text/html", "x"],
  ])("%s", (name, document, mediaType, reason) => {
    if (name === "HTML") expect(parse(document, mediaType).kind).toBe("manifest");
    else expect(() => parse(document, mediaType)).toThrow(reason);
  });
});
