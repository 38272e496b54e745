import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { type ChaosRegistry, errorReply, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer, sha256 } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners.
let workspace: Workspace;
let registry: ChaosRegistry;
let other: ChaosRegistry;
let service: OpenedImages;

const secret = "s3cret-pa55word";
const credentials = { username: "user", password: secret };
const basic = `Basic ${Buffer.from(`user:${secret}`).toString("base64")}`;
const makeImage = (): BuiltImage =>
  buildImage([compressLayer(new LayerBuilder().file("file", crypto.randomUUID()).build())], {});
const layerOf = (image: BuiltImage) => image.blobs[0] ?? image.manifest;

beforeEach(async () => {
  workspace = openWorkspace("documents");
  registry = startChaosRegistry();
  other = startChaosRegistry();
  service = await openImages(workspace.path);
});

afterEach(() => {
  for (const opened of [service, registry, other]) opened[Symbol.dispose]();
  workspace.remove();
});

describe("what a manifest may not do", () => {
  const manifest = (image: BuiltImage, change: (document: Record<string, unknown>) => void): void => {
    const document = JSON.parse(Buffer.from(image.manifest.bytes).toString("utf8")) as Record<string, unknown>;
    change(document);
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    registry.addManifest("r", "1", image.mediaType, { digest: sha256(bytes), bytes });
  };

  test("send its reader to urls of a layer, with credentials or without (CVE-2020-15157, CVE-2026-53495)", async () => {
    const image = makeImage();
    const reference = registry.add("r", "1", image);
    manifest(image, (document) => {
      const [layer] = document["layers"] as Record<string, unknown>[];
      Object.assign(layer ?? {}, { urls: [`http://${other.host}/layer`] });
    });
    registry.intercept = ({ name, headers }) => {
      if (headers.get("authorization") !== basic) return errorReply(401, "NO", { "www-authenticate": "Basic" });
      return name === layerOf(image).digest ? errorReply(404, "BLOB_UNKNOWN") : undefined;
    };
    other.intercept = () => new Response(layerOf(image).bytes);
    expect((await service.refusal(reference, { credentials })).code).toBe("not-found");
    expect(other.requests).toEqual([]);
  });

  test("say anything about the store by its annotations (CVE-2026-53493's release)", async () => {
    const image = makeImage();
    const reference = registry.add("r", "1", image);
    const annotations = {
      "containerd.io/snapshot/uidmapping": "0:4242:65536",
      "org.opencontainers.image.ref.name": "x",
    };
    manifest(image, (document) => {
      const [layer] = document["layers"] as Record<string, unknown>[];
      for (const part of [document, layer ?? {}, document["config"] as object]) Object.assign(part, { annotations });
    });
    const pulled = await service.pull(reference);
    const [lower = ""] = service.images.acquireRootfs(pulled.id, "c").lowerDirs;
    expect(lstatSync(join(lower, "file")).uid).toBe(0);
    expect([pulled.config.labels, pulled.repoTags]).toEqual([{}, [reference]]);
  });

  test("list more than ten thousand others, in whichever number of indexes", async () => {
    const image = makeImage();
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const put = (tag: string, manifests: readonly object[]): object => {
      const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
      registry.addManifest("r", tag, mediaType, { digest: sha256(bytes), bytes });
      return { mediaType, digest: sha256(bytes), size: bytes.length };
    };
    registry.add("r", "image", image);
    const entry = { mediaType: image.mediaType, digest: image.manifest.digest, size: image.manifest.bytes.length };
    const foreign = { ...entry, platform: { os: "linux", architecture: "s390x" } };
    const many = (first: object): object[] => [first, ...Array.from({ length: 4990 }, () => foreign)];
    put("1", many(put("inner", many(entry))));
    await service.pull(`${registry.host}/r:1`);
    put("1", [...many(put("middle", many(put("inner", many(entry)))))]);
    expect(await service.refusal(`${registry.host}/r:1`)).toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("more than 10000 manifests"),
    });
  });
});

test("an image for a processor that the node may not be is tried, and said", async () => {
  service[Symbol.dispose]();
  const platform = { os: "linux", architecture: "amd64", variant: "v2" };
  service = await openImages(workspace.path, { platform });
  for (const change of [{ architecture: "" }, { variant: "v4" }]) {
    const image = makeImage();
    const built = image.blobs[1] ?? image.manifest;
    const config = { ...(JSON.parse(Buffer.from(built.bytes).toString("utf8")) as object), ...change };
    const bytes = new TextEncoder().encode(JSON.stringify(config));
    const document = JSON.parse(Buffer.from(image.manifest.bytes).toString("utf8")) as Record<string, unknown>;
    Object.assign(document["config"] as object, { digest: sha256(bytes), size: bytes.length });
    const manifest = new TextEncoder().encode(JSON.stringify(document));
    registry.add("r", "1", image);
    registry.addBlob({ digest: sha256(bytes), bytes });
    registry.addManifest("r", "1", image.mediaType, { digest: sha256(manifest), bytes: manifest });
    await service.pull(`${registry.host}/r:1`);
  }
  expect(service.warnings).toEqual([
    "the image names no architecture, it is tried as it is",
    "the image is for processors with more than this node has, it is tried all the same",
  ]);
});
