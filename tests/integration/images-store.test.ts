import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import type { ImageId } from "../../src/ids/digest.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import type { UnixNanos } from "../../src/ids/units.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { type BuiltImage, type BuiltLayer, buildImage, compressLayer, sha256 } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { describeTree } from "../harness/describe-tree.ts";
import { kernel, type OpenedImages, openImages } from "../harness/image-service.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners. The registry is Debian's docker-registry.
let registry: Registry;
let workspace: Workspace;
let service: OpenedImages;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(async () => await registry.stop());
beforeEach(async () => {
  workspace = openWorkspace("store");
  service = await openImages(workspace.path, { platform: { os: "linux", architecture: "amd64", variant: "v2" } });
});
afterEach(() => {
  service[Symbol.dispose]();
  workspace.remove();
});

const restart = async (): Promise<void> => {
  service[Symbol.dispose]();
  service = await openImages(workspace.path, { platform: { os: "linux", architecture: "amd64", variant: "v2" } });
};
const inStore = (...names: string[]): string => join(workspace.path, "root", ...names);
const layerNames = (): string[] => readdirSync(inStore("layers/sha256"));
const blobNames = (): string[] => readdirSync(inStore("content/sha256"));
const push = (name: string, tag: string, image: BuiltImage): Promise<string> => registry.push(name, tag, image);

let serial = 0;
const unique = (...layers: readonly BuiltLayer[]): BuiltImage =>
  buildImage([compressLayer(new LayerBuilder().file("serial", `${++serial} ${process.pid}`).build()), ...layers], {});
const top = (id: ImageId, holder = "test"): string => service.images.acquireRootfs(id, holder).lowerDirs[0] ?? "";

const put = async (
  name: string,
  tag: string,
  mediaType: string,
  document: unknown,
): Promise<{ digest: string; size: number; mediaType: string }> => {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const blob = { digest: sha256(bytes), bytes };
  await push(name, tag, { mediaType, manifest: blob, blobs: [], imageId: "" });
  return { digest: blob.digest, size: bytes.length, mediaType };
};

describe("references", () => {
  test("by tag, by digest, by both; the id is the config's digest everywhere", async () => {
    const image = unique();
    const reference = await push("names/a", "1", image);
    const name = `${registry.host}/names/a`;
    const byTag = await service.pull(reference);
    expect(byTag).toMatchObject({
      id: image.imageId,
      repoTags: [`${name}:1`],
      repoDigests: [`${name}@${image.manifest.digest}`],
    });
    const byDigest = await service.pull(`${name}@${image.manifest.digest}`);
    const byBoth = await service.pull(`${name}:nonsense@${image.manifest.digest}`);
    expect([byDigest.id, byBoth.id]).toEqual([byTag.id, byTag.id]);
    expect(byBoth.repoTags).toEqual([`${name}:1`]);
    const hex = image.imageId.slice(7);
    for (const text of [
      reference,
      `${name}@${image.manifest.digest}`,
      `${name}:x@${image.manifest.digest}`,
      image.imageId,
      hex,
      hex.slice(0, 12),
    ]) {
      expect(service.images.find(text)?.id).toBe(byTag.id);
    }
    for (const text of [`${name}:2`, hex.slice(0, 3), "", "UPPER", "a\0b", "../../etc"])
      expect(service.images.find(text)).toBeUndefined();
  });

  test("a tag that moves takes its name along; the old image stays under its digest", async () => {
    const [first, second] = [unique(), unique()];
    const reference = await push("names/moving", "latest", first);
    await service.pull(reference);
    await push("names/moving", "latest", second);
    const moved = await service.pull(reference);
    expect(moved.id).toBe(second.imageId as ImageId);
    const old = service.images.find(first.imageId);
    expect([old?.repoTags, old?.repoDigests]).toEqual([[], [`${registry.host}/names/moving@${first.manifest.digest}`]]);
  });

  test("a missing tag names the reference", async () => {
    const refused = await service.refusal(`${registry.host}/names/none:9`);
    expect(refused).toMatchObject({
      code: "not-found",
      message: expect.stringContaining(`${registry.host}/names/none:9`),
    });
  });

  test("what does not parse is never asked for", async () => {
    for (const text of ["", "a b", "Upper", "x@sha256:../../etc", `x@sha256:${"A".repeat(64)}`, "x:..", "x\n"]) {
      expect((await service.refusal(text)).code).toBe("invalid-argument");
    }
  });

  test("pinned patterns pin", async () => {
    service[Symbol.dispose]();
    service = await openImages(workspace.path, { pinned: [`${registry.host}/pinned/*`, "busybox"] });
    expect((await service.pull(await push("pinned/a", "1", unique()))).pinned).toBe(true);
    expect((await service.pull(await push("loose/a", "1", unique()))).pinned).toBe(false);
  });
});

describe("formats", () => {
  const layer = compressLayer(new LayerBuilder().file("which", "gzip").build());
  const raw = new LayerBuilder().file("which", "plain").build();

  test("zstd and plain layers, Docker's types", async () => {
    const zstd = zstdCompressSync(new LayerBuilder().file("zstd", "z").build());
    const diffIds = [sha256(new LayerBuilder().file("zstd", "z").build()), sha256(raw), layer.diffId];
    const config = new TextEncoder().encode(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: { Cmd: ["x"] },
        rootfs: { type: "layers", diff_ids: diffIds },
      }),
    );
    const blobs = [zstd, raw, layer.blob.bytes].map((bytes) => ({ digest: sha256(bytes), bytes }));
    const types = [
      "vnd.oci.image.layer.v1.tar+zstd",
      "vnd.oci.image.layer.v1.tar",
      "vnd.docker.image.rootfs.diff.tar.gzip",
    ];
    const manifest = new TextEncoder().encode(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.docker.distribution.manifest.v2+json",
        config: {
          mediaType: "application/vnd.docker.container.image.v1+json",
          digest: sha256(config),
          size: config.length,
        },
        layers: blobs.map(({ digest, bytes }, i) => ({
          mediaType: `application/${types[i]}`,
          digest,
          size: bytes.length,
        })),
      }),
    );
    const reference = await push("formats/docker", "1", {
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      manifest: { digest: sha256(manifest), bytes: manifest },
      blobs: [...blobs, { digest: sha256(config), bytes: config }],
      imageId: sha256(config),
    });
    const image = await service.pull(reference);
    expect(image.sizeBytes).toBe(
      BigInt(blobs.reduce((sum, { bytes }) => sum + bytes.length, config.length + manifest.length)),
    );
    const { lowerDirs } = service.images.acquireRootfs(image.id, "c");
    expect(readFileSync(join(lowerDirs[2] ?? "", "zstd"), "utf8")).toBe("z");
    expect(readFileSync(join(lowerDirs[1] ?? "", "which"), "utf8")).toBe("plain");
    expect(readFileSync(join(lowerDirs[0] ?? "", "which"), "utf8")).toBe("gzip");
  });

  test("an index gives this host's image, the best variant first, through a nested index", async () => {
    const name = "formats/multi";
    const of = async (tag: string): Promise<{ digest: string; size: number; mediaType: string; id: string }> => {
      const image = unique();
      await push(name, tag, image);
      return {
        digest: image.manifest.digest,
        size: image.manifest.bytes.length,
        mediaType: image.mediaType,
        id: image.imageId,
      };
    };
    const [arm, v1, v3, v2] = [await of("arm"), await of("v1"), await of("v3"), await of("v2")];
    const entry = ({ digest, size, mediaType }: typeof arm, architecture: string, variant = ""): object => ({
      digest,
      size,
      mediaType,
      platform: { os: "linux", architecture, variant },
    });
    const index = "application/vnd.oci.image.index.v1+json";
    const inner = await put(name, "inner", index, {
      schemaVersion: 2,
      mediaType: index,
      manifests: [entry(arm, "arm64"), entry(v1, "amd64"), entry(v3, "amd64", "v3"), entry(v2, "amd64", "v2")],
    });
    await put(name, "outer", index, {
      schemaVersion: 2,
      mediaType: index,
      manifests: [{ ...inner, platform: undefined }],
    });
    const pulled = await service.pull(`${registry.host}/${name}:outer`);
    expect(pulled.id).toBe(v2.id as ImageId);
    await put(name, "foreign", index, { schemaVersion: 2, mediaType: index, manifests: [entry(arm, "arm64")] });
    expect(await service.refusal(`${registry.host}/${name}:foreign`)).toMatchObject({
      code: "not-found",
      message: expect.stringContaining("linux/arm64"),
    });
  });

  test("an image for another architecture is refused by name", async () => {
    service[Symbol.dispose]();
    service = await openImages(workspace.path, { platform: { os: "linux", architecture: "arm64", variant: "v8" } });
    const refused = await service.refusal(await push("formats/amd64", "1", unique()));
    expect(refused).toMatchObject({ code: "failed-precondition", message: expect.stringContaining("linux/amd64") });
  });
});

describe("one layer from two blobs", () => {
  const file = new LayerBuilder().file("shared", "x".repeat(10_000)).build();
  const [first, second] = [compressLayer(file, 1), compressLayer(file, 9)];

  test("the second image is pulled without its blob, and outlives the first", async () => {
    expect(first.blob.digest).not.toBe(second.blob.digest);
    const images = [buildImage([first], { Cmd: ["1"] }), buildImage([second], { Cmd: ["2"] })];
    const [one, two] = await Promise.all(images.map((image, i) => push("shared/two-blobs", `${i}`, image)));
    const before = await service.pull(one ?? "");
    const { id } = await service.pull(two ?? "");
    await service.images.remove(before.id);
    await restart();
    expect(service.images.list().map((image) => image.id)).toEqual([id]);
    expect(readFileSync(join(top(id), "shared"), "utf8")).toHaveLength(10_000);
    await service.pull(one ?? "");
    await service.images.remove(id);
    service.images.release("test");
    expect(readFileSync(join(top(before.id), "shared"), "utf8")).toHaveLength(10_000);
  });
});

describe("removal", () => {
  test.each(["id", "prefix", "tag", "digest"])(
    "by %s takes every name, and all files nobody else needs",
    async (by) => {
      const shared = compressLayer(new LayerBuilder().file("shared", "s").build());
      const other = await service.pull(await push("removal/other", "1", buildImage([shared], { Cmd: ["other"] })));
      const image = buildImage([shared, compressLayer(new LayerBuilder().file("own", by).build())], {});
      const before = { layers: layerNames(), blobs: blobNames(), usage: service.images.usage() };
      await service.pull(await push("removal/a", "1", image));
      await service.pull(await push("removal/b", "2", image));
      const name =
        {
          id: image.imageId,
          prefix: image.imageId.slice(7, 19),
          tag: `${registry.host}/removal/b:2`,
          digest: `${registry.host}/removal/a@${image.manifest.digest}`,
        }[by] ?? "";
      await service.images.remove(name);
      expect(service.images.list().map(({ id }) => id)).toEqual([other.id]);
      expect({ layers: layerNames(), blobs: blobNames(), usage: service.images.usage() }).toEqual(before);
      await service.images.remove(name);
      await restart();
      expect(service.images.list().map(({ id }) => id)).toEqual([other.id]);
    },
  );

  test("while a container holds it: unlisted at once, on disk until it is let go, across a restart", async () => {
    const image = await service.pull(await push("removal/held", "1", unique()));
    const lower = top(image.id, "container");
    await service.images.remove(image.id);
    expect([service.images.list(), service.images.find(image.id)]).toEqual([[], undefined]);
    expect(() => service.images.acquireRootfs(image.id, "newcomer")).toThrow("not found");
    await restart();
    await service.images.collectGarbage();
    expect(service.images.holders()).toEqual(["container"]);
    expect(top(image.id, "container")).toBe(lower);
    expect(existsSync(join(lower, "serial"))).toBe(true);
    expect(service.images.accounts(image.id)).toEqual({ users: [], groups: [] });
    service.images.release("container");
    await waitUntil(() => layerNames().length === 0 && blobNames().length === 0, {
      what: "its layers and blobs are gone",
    });
    expect(service.images.usage()).toMatchObject({ usedBytes: 0n, usedInodes: 0n });
  });

  test("pulled again while held it is listed again, and stays when it is let go", async () => {
    const reference = await push("removal/again", "1", unique());
    const image = await service.pull(reference);
    top(image.id, "container");
    await service.images.remove(reference);
    await service.pull(reference);
    service.images.release("container");
    expect(service.images.find(reference)?.id).toBe(image.id);
    expect(existsSync(join(top(image.id), "serial"))).toBe(true);
  });
});

describe("accounts", () => {
  const passwd =
    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:\n4294967296:x:0:0::/:\nbad:x:+5:0::/:\nshort:x:1\n";
  const images: readonly (readonly [string, BuiltLayer, string | RegExp])[] = [
    [
      "regular files",
      compressLayer(
        new LayerBuilder().file("etc/passwd", passwd).file("etc/group", "root:x:0:\nteam:x:7:app,other\n").build(),
      ),
      "root,app,4294967296",
    ],
    [
      "a link that stays inside",
      compressLayer(new LayerBuilder().symlink("etc/passwd", "/usr/pw").file("usr/pw", passwd).build()),
      "root,app,4294967296",
    ],
    [
      "a link to the host",
      compressLayer(new LayerBuilder().symlink("etc/passwd", "../../../../../../proc/self/environ").build()),
      "",
    ],
    ["a directory", compressLayer(new LayerBuilder().dir("etc/passwd").build()), /not a regular file/],
    [
      "eleven megabytes",
      compressLayer(new LayerBuilder().file("etc/passwd", new Uint8Array(11 << 20)).build()),
      /over 1048576/,
    ],
    [
      "one line of a megabyte less one",
      compressLayer(new LayerBuilder().file("etc/passwd", "x".repeat((1 << 20) - 1)).build()),
      /line over/,
    ],
  ];

  test.each(images)("%s", async (name, layer, expected) => {
    const image = await service.pull(await push("accounts/x", "1", buildImage([layer], { Cmd: [name] })));
    if (expected instanceof RegExp) expect(() => service.images.accounts(image.id)).toThrow(expected);
    else {
      expect(
        service.images
          .accounts(image.id)
          .users.map((user) => user.name)
          .join(),
      ).toBe(expected);
      expect(service.images.accounts(image.id)).toBe(service.images.accounts(image.id));
    }
  });

  test("a fifo in its place does not stop the daemon", async () => {
    const fifo = Bun.spawnSync([
      "sh",
      "-c",
      `cd ${workspace.path} && mkdir etc && mkfifo etc/passwd && tar -c etc`,
    ]).stdout;
    const image = await service.pull(await push("accounts/fifo", "1", buildImage([compressLayer(fifo)], {})));
    expect(() => service.images.accounts(image.id)).toThrow("not a regular file");
  });
});

test("the built-in image needs no network, has the same digest every time, and comes back when pulled", async () => {
  const elf = readFileSync("/bin/true");
  const first = await service.images.ensureBuiltinImage(elf);
  expect(first).toMatchObject({ repoTags: ["crib.local/hello:latest"], config: { entrypoint: ["/hello"] } });
  expect(lstatSync(join(top(first.id), "hello")).mode & 0o777).toBe(0o755);
  await service.images.remove("crib.local/hello");
  service.images.release("test");
  await restart();
  expect(service.images.list()).toEqual([]);
  expect((await service.images.ensureBuiltinImage(elf)).id).toBe(first.id);
  await service.images.remove("crib.local/hello");
  expect((await service.pull("crib.local/hello")).id).toBe(first.id);
  expect((await service.refusal("crib.local/other")).code).toBe("not-found");
});

test("usage is what du says, within a block a file", async () => {
  for (const name of ["busybox", "whiteout", "users"] as const) await service.pull(registry.reference(name));
  const { usedBytes, usedInodes, mountpoint } = service.images.usage();
  expect(mountpoint).toBe(parseHostPath(inStore("layers")));
  const du = (flag: string): number =>
    Number(
      Bun.spawnSync(["du", "-s", flag, inStore("layers"), inStore("content")])
        .stdout.toString()
        .split("\n")
        .reduce((sum, line) => sum + Number(line.split("\t")[0]), 0),
    );
  const files = du("--inodes");
  expect(Math.abs(Number(usedBytes) - du("-B1"))).toBeLessThan(files * 4096);
  // The store's own eight directories, and a directory and a label for each layer.
  expect(Number(usedInodes) + 8 + 2 * layerNames().length).toBe(files);
});

test("the merged layers are the tree the image's layers make", async () => {
  const builder = (): LayerBuilder => new LayerBuilder();
  const image = buildImage(
    [
      builder()
        .dir("")
        .dir("etc")
        .file("etc/a", "1")
        .file("etc/b", "2")
        .dir("opt")
        .file("opt/x", "3")
        .dir("tmp", { mode: 0o1777 })
        .dir("usr")
        .dir("usr/lib")
        .symlink("lib", "usr/lib"),
      builder().whiteout("etc/a").file("etc/c", "4").opaque("opt").file("opt/y", "5").file("tmp/z", "6"),
      builder().file("lib/module", "7").whiteout("etc/b"),
    ].map((layer) => compressLayer(layer.build())),
    {},
  );
  const { id } = await service.pull(await push("tree/merged", "1", image));
  const view = kernel.openOverlayView(service.images.acquireRootfs(id, "c").lowerDirs);
  try {
    const tree = describeTree(`/proc/self/fd/${view}/.`).map((line) => line.split(" ").slice(0, 2).join(" "));
    expect(tree).toEqual([
      ". 40755",
      "./etc 40755",
      "./etc/c 100644",
      "./lib 120777",
      "./opt 40755",
      "./opt/y 100644",
      "./tmp 41777",
      "./tmp/z 100644",
      "./usr 40755",
      "./usr/lib 40755",
      "./usr/lib/module 100644",
    ]);
  } finally {
    kernel.close(view);
  }
});

test("garbage: what nobody refers to goes after a day, what is used stays", async () => {
  const used = await service.pull(await push("garbage/used", "1", unique()));
  const broken = unique(compressLayer(new LayerBuilder().file("f", "x").build()));
  const bad = buildImage(
    [{ ...compressLayer(new LayerBuilder().file("g", "y").build()), diffId: sha256(new Uint8Array(1)) }],
    {},
  );
  await service.refusal(await push("garbage/bad", "1", { ...bad, blobs: [...bad.blobs, ...broken.blobs] }));
  const [layers, blobs] = [layerNames().length, blobNames().length];
  expect(blobs).toBeGreaterThan(3);
  await service.images.collectGarbage();
  expect([layerNames().length, blobNames().length]).toEqual([layers, blobs]);
  service[Symbol.dispose]();
  const clock = createSystemClock();
  service = await openImages(workspace.path, {
    clock: { ...clock, now: () => (clock.now() + 25n * 3600n * 1_000_000_000n) as UnixNanos },
  });
  await service.images.collectGarbage();
  expect([layerNames().length, blobNames().length]).toEqual([1, 3]);
  expect(service.images.find(used.id)?.id).toBe(used.id);
});

test("killed at any moment, the store lists only what is whole and forgets the rest", async () => {
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const layers = ["a", "b", "c"].map((name) => {
    const layer = new LayerBuilder();
    for (let i = 0; i < 40; i++) layer.file(`${name}/${i}`, noise.subarray(i * 1000));
    return compressLayer(layer.build());
  });
  const reference = await push("crash/a", "1", buildImage(layers, {}));
  const whole = await service.pull(reference);
  const trees = service.images.acquireRootfs(whole.id, "c").lowerDirs.map((dir) => describeTree(dir));
  service.images.release("c");
  service[Symbol.dispose]();
  for (let round = 0; round < 25; round++) {
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "../fixtures/pull-process.ts"), workspace.path, reference],
      { stdout: "pipe", stderr: "inherit" },
    );
    const reader = child.stdout.getReader();
    await reader.read();
    await Bun.sleep(Math.random() * 150);
    child.kill("SIGKILL");
    await child.exited;
    service = await openImages(workspace.path);
    for (const image of service.images.list()) {
      const { lowerDirs } = service.images.acquireRootfs(image.id, "check");
      expect(lowerDirs.map((dir) => describeTree(dir))).toEqual(trees);
      service.images.release("check");
    }
    service[Symbol.dispose]();
  }
  service = await openImages(workspace.path);
  await service.images.collectGarbage();
  expect((await service.pull(reference)).id).toBe(whole.id);
  await service.images.remove(reference);
  expect([readdirSync(inStore("layers/ingest")), readdirSync(inStore("layers/trash")), service.images.list()]).toEqual([
    [],
    [],
    [],
  ]);
  expect([layerNames(), blobNames()]).toEqual([[], []]);
}, 120_000);
