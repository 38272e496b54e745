import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { CheckStep, Image } from "../../src/images/port.ts";
import { type ChaosRegistry, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { describeTree } from "../harness/describe-tree.ts";
import { createHastyClock } from "../harness/hasty-clock.ts";
import { kernel, type OpenedImages, openImages } from "../harness/image-service.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners, and mounted.
let workspace: Workspace;
let registry: ChaosRegistry;
let service: OpenedImages;
let image: Image;
let tree: readonly string[];

const built: BuiltImage = buildImage(
  [
    compressLayer(new LayerBuilder().dir("d").file("d/below", "b".repeat(100_000)).symlink("l", "d").build()),
    compressLayer(new LayerBuilder().dir("d").file("d/above", "a".repeat(50_000)).build()),
  ],
  {},
);
type Finding = Extract<CheckStep, { readonly kind: "finding" }>;

const inStore = (...names: string[]): string => join(workspace.path, "root", ...names);
/** Of the bottom layer: the larger one. */
const layerPath = (...names: string[]): string => {
  const byBytes = readdirSync(inStore("layers/sha256")).map((name) => {
    const path = inStore("layers/sha256", name);
    return { path, bytes: Number(JSON.parse(readFileSync(join(path, "layer.json"), "utf8")).diskBytes) };
  });
  const [largest] = byBytes.toSorted((a, b) => b.bytes - a.bytes);
  return join(largest?.path ?? "", ...names);
};
const blobPath = (position: number): string =>
  inStore("content", ...(built.blobs[position] ?? built.manifest).digest.split(":"));
const trees = (): readonly string[] =>
  service.images.acquireRootfs(image.id, "test").lowerDirs.flatMap((lower) => describeTree(lower));
const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
  chmodSync(path, 0o400);
};

async function check(repair: boolean): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for await (const step of service.images.check({ repair }, new AbortController().signal))
    if (step.kind === "finding") findings.push(step);
  return findings;
}

const treeDamages: readonly [what: string, damage: () => void, problem: string][] = [
  ["a flipped bit of a file", () => flip(layerPath("fs/d/below"), 77), "wrong-digest"],
  ["a missing file", () => rmSync(layerPath("fs/d/below")), "wrong-digest"],
  ["a file too many", () => writeFileSync(layerPath("fs/new"), ""), "wrong-digest"],
  ["another mode", () => chmodSync(layerPath("fs/d"), 0o777), "wrong-digest"],
  ["another time", () => utimesSync(layerPath("fs/d"), 1, 1), "wrong-digest"],
  ["a missing tree", () => rmSync(layerPath("fs"), { recursive: true }), "unreadable"],
];
const archiveDamages: readonly [what: string, damage: () => void, problem: string][] = [
  ["a flipped bit of the archive", () => flip(layerPath("archive.tar"), 5000), "wrong-digest"],
  ["a flipped bit of the index", () => flip(layerPath("index.erofs"), 1100), "wrong-digest"],
  ["a missing archive", () => rmSync(layerPath("archive.tar")), "missing"],
];
const damages: readonly [what: string, damage: () => void, problem: string][] = [
  ["a missing layer", () => rmSync(layerPath(), { recursive: true }), "missing"],
  ["an empty label", () => truncateSync(layerPath("layer.json"), 0), "unreadable"],
  ["a flipped bit of a blob", () => flip(blobPath(0), 30), "wrong-digest"],
  ["a blob cut short", () => truncateSync(blobPath(0), 100), "wrong-size"],
  ["a missing blob", () => rmSync(blobPath(1)), "missing"],
  ["a damaged config", () => flip(blobPath(2), 3), "wrong-digest"],
  ["a missing manifest", () => rmSync(inStore("content", ...built.manifest.digest.split(":"))), "missing"],
];

describe.each(["directories", "erofs"] as const)("a store of %s", (layerStore) => {
  beforeEach(async () => {
    workspace = openWorkspace("check");
    registry = startChaosRegistry();
    mkdirSync(inStore(), { recursive: true });
    service = await openImages(workspace.path, { layerStore, bootId: "first", clock: createHastyClock() });
    image = await service.pull(registry.add("r", "1", built));
    tree = trees();
    expect(await check(false)).toEqual([]);
    if (layerStore === "directories")
      await waitUntil(() => readFileSync(layerPath("layer.json"), "utf8").includes("treeDigest"), {
        what: "what the directory holds is written down",
      });
  });

  afterEach(() => {
    service[Symbol.dispose]();
    registry[Symbol.dispose]();
    workspace.remove();
  });

  test.each([...(layerStore === "erofs" ? archiveDamages : treeDamages), ...damages])(
    "%s is noticed, and mended on demand",
    async (_what, damage, problem) => {
      damage();
      expect(await check(false)).toMatchObject([
        { problem, images: image.repoDigests.concat(image.repoTags).toSorted(), outcome: "found" },
      ]);
      expect(await check(true)).toMatchObject([{ problem, outcome: "repaired", error: undefined }]);
      expect(await check(false)).toEqual([]);
      expect(service.images.find(image.repoTags[0] ?? "")?.id).toBe(image.id);
      expect(trees()).toEqual(tree);
    },
  );

  test("a layer is built again without its registry, from the blob that is here", async () => {
    registry[Symbol.dispose]();
    flip(layerStore === "erofs" ? layerPath("archive.tar") : layerPath("fs/d/below"), 5000);
    expect(await check(true)).toMatchObject([{ part: "layer", outcome: "repaired" }]);
    expect(trees()).toEqual(tree);
  });

  test("what cannot be had again is told with its reason, and the image comes back with its next pull", async () => {
    registry.intercept = () => new Response("", { status: 503 });
    rmSync(layerPath(), { recursive: true });
    rmSync(blobPath(0));
    const found = await check(true);
    expect(found.map(({ part }) => part).toSorted()).toEqual(["blob", "layer"]);
    for (const finding of found) expect(finding).toMatchObject({ outcome: "lost", error: { code: "unavailable" } });
    expect(service.images.list()).toEqual([]);
    registry.intercept = () => undefined;
    await service.pull(image.repoTags[0] ?? "");
    expect(await check(false)).toEqual([]);
    expect(trees()).toEqual(tree);
  });

  test("a container keeps the layer that was set aside, and what was kept goes when it does", async () => {
    const { lowerDirs } = service.images.acquireRootfs(image.id, "container");
    const root = kernel.openOverlayView(lowerDirs);
    const read = (): string => readFileSync(`/proc/self/fd/${root}/d/below`, "latin1");
    const before = statSync(`/proc/self/fd/${root}/d/above`).size;
    flip(layerStore === "erofs" ? layerPath("index.erofs") : layerPath("fs/d/below"), 1100);
    const damaged = read();
    expect(await check(true)).toMatchObject([{ outcome: "repaired" }]);
    expect(read()).toBe(damaged);
    expect(statSync(`/proc/self/fd/${root}/d/above`).size).toBe(before);
    expect(await service.images.leftovers()).toEqual([]);
    kernel.close(root);
    for (const holder of ["container", "test"]) service.images.release(holder);
    expect(await service.images.leftovers()).toMatchObject([{ kind: "damaged" }]);
    expect(await service.images.removeLeftovers()).toHaveLength(1);
    expect(readdirSync(inStore("damaged"))).toEqual([]);
  });

  test("after a boot that did not end in good order everything is read, and mended", async () => {
    await waitUntil(() => (statSync(layerPath("layer.json")).mode & 0o200) === 0, { what: "the layer is marked" });
    copyFileSync(inStore("running"), inStore("running.kept"));
    service[Symbol.dispose]();
    renameSync(inStore("running.kept"), inStore("running"));
    flip(layerStore === "erofs" ? layerPath("archive.tar") : layerPath("fs/d/below"), 5000);
    service = await openImages(workspace.path, { layerStore, bootId: "second" });
    service.images.checkInBackground();
    await waitUntil(() => service.warnings.includes("the image store is damaged"), { what: "the damage is noticed" });
    expect(await check(false)).toEqual([]);
    expect(trees()).toEqual(tree);
  });
});
