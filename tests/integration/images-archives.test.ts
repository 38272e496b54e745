import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { ImportedImage } from "../../src/images/port.ts";
import { defaultLayerLimits } from "../../src/layers/layer-limits.ts";
import { writeTar } from "../../src/layers/tar/tar-writer.ts";
import { type ChaosRegistry, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { dockerMembers, inPieces, layoutMembers } from "../fixtures/image-archives.ts";
import { type BuiltImage, buildImage, compressLayer, sha256 } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { describeTree } from "../harness/describe-tree.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners, and mounted.
let workspace: Workspace;
let registry: ChaosRegistry;
let service: OpenedImages;

const bottom = new LayerBuilder().dir("d").file("d/below", "b".repeat(100_000)).symlink("l", "d").build();
const top = new LayerBuilder().dir("d").file("d/above", "a".repeat(50_000)).build();
const image: BuiltImage = buildImage([compressLayer(bottom), compressLayer(top)], { Cmd: ["/none"] });
const other: BuiltImage = buildImage([compressLayer(bottom)], { Cmd: ["/other"] });
const twice: BuiltImage = buildImage([compressLayer(bottom), compressLayer(top), compressLayer(bottom)], {});
const name = "reg.example/team/app:1";
const named = { "org.opencontainers.image.ref.name": name };

// One store for all: each test leaves it empty, which is what most of them are about.
beforeAll(async () => {
  workspace = openWorkspace("archives");
  registry = startChaosRegistry();
  service = await openImages(workspace.path);
});

afterEach(async () => {
  for (const { id } of service.images.list()) await service.images.remove(id);
  await service.images.removeLeftovers();
});

afterAll(() => {
  service[Symbol.dispose]();
  registry[Symbol.dispose]();
  workspace.remove();
});

const signal = new AbortController().signal;
const take = (archive: Uint8Array, as?: string): Promise<readonly ImportedImage[]> =>
  service.images.archives.import(inPieces(archive), as, signal);

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no failure",
    (error: unknown) => error,
  );

async function give(images: readonly string[], rebuild = false): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of service.images.archives.export({ images, rebuild }, signal)) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

const tree = (reference: string): readonly string[] => {
  const found = service.images.find(reference);
  if (found === undefined) throw new Error(`${reference} is not here`);
  const { lowerDirs } = service.images.acquireRootfs(found.id, "test");
  const described = lowerDirs.flatMap((lower) => describeTree(lower));
  service.images.release("test");
  return described;
};
const stored = (): readonly string[] =>
  ["content/sha256", "content/ingest", "layers/sha256", "layers/ingest"].flatMap((place) =>
    readdirSync(join(workspace.path, "root", place)),
  );

test("what was pulled, exported and imported elsewhere is the same image under the same digests", async () => {
  const reference = registry.add("r", "1", image);
  const pulled = await service.pull(reference);
  const before = tree(reference);
  await service.images.archives.tag(reference, name);
  const archive = await give([reference, name]);
  await service.images.remove(reference);
  expect(stored()).toEqual([]);
  const imported = await take(archive);
  expect(imported.map(({ names }) => names)).toEqual([[reference], [name]]);
  const back = service.images.find(name);
  expect(back?.id).toBe(pulled.id);
  expect(back?.repoDigests).toContain(`reg.example/team/app@${image.manifest.digest}`);
  expect(back?.sizeBytes).toBe(pulled.sizeBytes);
  expect(tree(name)).toEqual(before);
  expect(await give([reference, name])).toEqual(archive);
});

test.each([
  ["gzip", (bytes: Uint8Array) => gzipSync(bytes)],
  ["zstd", (bytes: Uint8Array) => zstdCompressSync(bytes)],
] as const)("an archive that is compressed with %s is unpacked", async (_what, compress) => {
  const imported = await take(new Uint8Array(compress(writeTar(layoutMembers([{ image, annotations: named }])))));
  expect(imported).toMatchObject([{ names: [name], outcome: "imported", imageId: image.imageId }]);
});

test("an archive of several images gives each its names, and one that fits no node is skipped with its reason", async () => {
  const config = { architecture: "arm64", os: "linux", rootfs: { type: "layers", diff_ids: [sha256(bottom)] } };
  const foreign = withConfig(other, config);
  const members = layoutMembers([
    { image, annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": "1" } },
    { image: other },
    { image: foreign, annotations: { "org.opencontainers.image.ref.name": "reg.example/arm:1" } },
  ]);
  expect(await take(writeTar(members))).toMatchObject([
    { names: [name], outcome: "imported" },
    { names: [], outcome: "imported", imageId: other.imageId },
    { names: ["reg.example/arm:1"], outcome: "skipped", why: expect.stringContaining("linux/arm64") },
  ]);
  // One without a name is found by its id, and exported again.
  const archive = await give([other.imageId]);
  await service.images.remove(other.imageId);
  expect(await take(archive)).toMatchObject([{ imageId: other.imageId }]);
});

test("a tag that stands alone in a layout is of the repository that is named", async () => {
  const archive = writeTar(layoutMembers([{ image, annotations: { "org.opencontainers.image.ref.name": "2.0" } }]));
  expect(await take(archive)).toMatchObject([{ names: [] }]);
  expect(await take(archive, "reg.example/app")).toMatchObject([{ names: ["reg.example/app:2.0"] }]);
});

test("what docker save wrote before version 25, with links for layers that are there twice, is imported", async () => {
  const archive = writeTar(dockerMembers(twice, [bottom, top, bottom], ["app:1", "reg.example/app:2"]));
  expect(await take(archive)).toMatchObject([
    { names: ["docker.io/library/app:1", "reg.example/app:2"], imageId: twice.imageId },
  ]);
  const found = service.images.find("app:1");
  expect(found?.repoDigests).toEqual([]);
  expect(tree("app:1").length).toBeGreaterThan(0);
  const again = await give(["app:1"]);
  await service.images.remove("app:1");
  expect(await take(again)).toMatchObject([{ names: ["docker.io/library/app:1"], imageId: twice.imageId }]);
  expect(await give(["app:1"])).toEqual(again);
});

describe("hostile archives are refused, and nothing of them stays", () => {
  const good = () => layoutMembers([{ image, annotations: named }]);
  const docker = () => dockerMembers(image, [bottom, top], ["app:1"]);
  const [layer] = image.blobs;
  const layerPath = `blobs/${(layer?.digest ?? "").replace(":", "/")}`;
  const replaced = (path: string, content: string) =>
    good().map((member) =>
      member.name === path ? { name: path, content: new TextEncoder().encode(content) } : member,
    );
  const cases: readonly [what: string, archive: () => Uint8Array, code: string, message: string][] = [
    ["nothing", () => new Uint8Array(0), "failed-precondition", "is empty"],
    ["no image", () => writeTar([{ name: "x" }]), "failed-precondition", "neither an OCI layout"],
    ["a blob of other bytes", () => writeTar(replaced(layerPath, "other")), "data-loss", "damaged"],
    [
      "a missing blob",
      () => writeTar(good().filter((member) => member.name !== layerPath)),
      "data-loss",
      "does not have it",
    ],
    ["an end in the middle", () => writeTar(good()).subarray(0, 600), "data-loss", "middle of a member"],
    [
      "a name that leads out",
      () => writeTar([{ name: "../../etc/passwd" }, ...good()]),
      "failed-precondition",
      "leads out",
    ],
    ["an absolute name", () => writeTar([{ name: "/etc/passwd" }, ...good()]), "failed-precondition", "leads out"],
    [
      "a link that leads out",
      () => writeTar([...docker(), { name: "l", type: "2", linkName: "../../etc/shadow" }]),
      "failed-precondition",
      "leads out",
    ],
    [
      "a config that is a link in a circle",
      () =>
        writeTar([
          { name: "a", type: "2", linkName: "b" },
          { name: "b", type: "2", linkName: "a" },
          { name: "manifest.json", content: new TextEncoder().encode('[{"Config":"a","Layers":["b"]}]') },
        ]),
      "failed-precondition",
      "links",
    ],
    [
      "a layer that is a file of the host",
      () =>
        writeTar([
          { name: "manifest.json", content: new TextEncoder().encode('[{"Config":"/etc/passwd","Layers":[]}]') },
        ]),
      "failed-precondition",
      "leads out",
    ],
    ["a device", () => writeTar([{ name: "d", type: "3" }, ...good()]), "failed-precondition", "character"],
    [
      "a document of 5 MiB",
      () => writeTar([{ name: "manifest.json", content: new Uint8Array(5 << 20) }]),
      "failed-precondition",
      "over 4194304",
    ],
    ["two manifests", () => writeTar([...docker(), ...docker()]), "data-loss", "twice"],
    ["JSON a million deep", () => writeTar(replaced("index.json", "[".repeat(1_000_000))), "data-loss", "index.json"],
    [
      "another layout",
      () => writeTar(replaced("oci-layout", '{"imageLayoutVersion":"9"}')),
      "failed-precondition",
      "version",
    ],
    ["a blob without a digest", () => writeTar([{ name: "blobs/sha256/x" }]), "failed-precondition", "is called"],
    [
      "a name with a digest",
      () =>
        writeTar(
          layoutMembers([{ image, annotations: { "io.containerd.image.name": `a/b@${image.manifest.digest}` } }]),
        ),
      "invalid-argument",
      "cannot be called",
    ],
    [
      "the name of crib's own image",
      () =>
        writeTar(layoutMembers([{ image, annotations: { "io.containerd.image.name": "crib.local/hello:latest" } }])),
      "invalid-argument",
      "crib's own",
    ],
    ["damaged gzip", () => gzipSync(writeTar(good())).fill(7, 300, 400), "data-loss", "damaged"],
    ["xz", () => Buffer.from("fd377a585a000000ff", "hex"), "failed-precondition", "xz"],
    [
      "layers that are not the config's",
      () => writeTar(dockerMembers(image, [top, bottom], ["app:1"])),
      "data-loss",
      "its image says",
    ],
  ];
  test.each(cases)("%s", async (_what, archive, code, message) => {
    expect(await failureOf(take(archive()))).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(stored()).toEqual([]);
    expect(service.images.list()).toEqual([]);
  });

  test("an image that lies about another's layer does not take its blob away", async () => {
    await service.pull(registry.add("r", "1", image));
    const before = stored();
    const liar = withConfig(image, {
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [sha256(top), sha256(bottom)] },
    });
    expect(await failureOf(take(writeTar(layoutMembers([{ image: liar, annotations: named }]))))).toMatchObject({
      code: "data-loss",
    });
    expect(stored()).toEqual(before);
  });

  test("an archive for which there is no room is refused before the disk is full", async () => {
    const crowded = openWorkspace("archives-crowded");
    const limits = { ...defaultLayerLimits, minFreeBytes: Number.MAX_SAFE_INTEGER };
    try {
      using full = await openImages(crowded.path, { limits });
      const refused = await failureOf(full.images.archives.import(inPieces(writeTar(good())), undefined, signal));
      expect(refused).toMatchObject({ code: "resource-exhausted", message: expect.stringContaining("are kept free") });
      for (const place of ["content/sha256", "content/ingest"])
        expect(readdirSync(join(crowded.path, "root", place))).toEqual([]);
    } finally {
      crowded.remove();
    }
  });

  test("a client that leaves in the middle leaves nothing", async () => {
    const left = new AbortController();
    async function* half(): AsyncGenerator<Uint8Array> {
      yield writeTar(good()).subarray(0, 600);
      left.abort(new Error("left"));
      throw new Error("left");
    }
    expect(await failureOf(service.images.archives.import(half(), undefined, left.signal))).toBeInstanceOf(Error);
    expect(stored()).toEqual([]);
  });
});

test("a damaged blob is never exported as a good one", async () => {
  const reference = registry.add("r", "1", image);
  await service.pull(reference);
  const [layer] = image.blobs;
  const path = join(workspace.path, "root/content", ...(layer?.digest ?? "").split(":"));
  rmSync(path);
  writeFileSync(path, new Uint8Array(layer?.bytes.length ?? 0));
  expect(await failureOf(give([reference]))).toMatchObject({
    code: "data-loss",
    message: expect.stringContaining("crib check"),
  });
});

test("where a compressed layer is not kept an export says so, and can be made of what is", async () => {
  const reference = registry.add("r", "1", image);
  await service.pull(reference);
  const before = tree(reference);
  for (const { digest } of image.blobs.slice(0, 2)) rmSync(join(workspace.path, "root/content", ...digest.split(":")));
  expect(await failureOf(give([reference]))).toMatchObject({ message: expect.stringContaining("--rebuild") });
  const archive = await give([reference], true);
  expect(await give([reference], true)).toEqual(archive);
  await service.images.remove(reference);
  expect(await take(archive)).toMatchObject([{ imageId: image.imageId }]);
  expect(tree(reference)).toEqual(before);
});

function withConfig(built: BuiltImage, config: unknown): BuiltImage {
  const bytes = new TextEncoder().encode(JSON.stringify(config));
  const blob = { digest: sha256(bytes), bytes };
  const manifest = JSON.parse(new TextDecoder().decode(built.manifest.bytes)) as { config: object };
  manifest.config = { ...manifest.config, digest: blob.digest, size: bytes.length };
  const manifestBytes = new TextEncoder().encode(JSON.stringify(manifest));
  return {
    ...built,
    manifest: { digest: sha256(manifestBytes), bytes: manifestBytes },
    blobs: [...built.blobs.slice(0, -1), blob],
    imageId: blob.digest,
  };
}
