import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type ChaosRegistry, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { describeTree } from "../harness/describe-tree.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root. A power cut is a boot id that changed, marks that were not set, and bytes that are not what they were.
let workspace: Workspace;
let registry: ChaosRegistry;
let service: OpenedImages;

const image: BuiltImage = buildImage(
  [
    compressLayer(new LayerBuilder().file("below", "b".repeat(100_000)).build()),
    compressLayer(new LayerBuilder().file("d/above", "a".repeat(50_000)).build()),
  ],
  {},
);

afterEach(() => {
  service[Symbol.dispose]();
  registry[Symbol.dispose]();
  workspace.remove();
});

const inStore = (...names: string[]): string => join(workspace.path, "root", ...names);
const layerFiles = (name: string): string[] =>
  readdirSync(inStore("layers/sha256")).map((layer) => inStore("layers/sha256", layer, name));
const blobFiles = (): string[] => readdirSync(inStore("content/sha256")).map((blob) => inStore("content/sha256", blob));
const marks = (): string[] => [...layerFiles("layer.json"), ...blobFiles()];
const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
const isMarked = (path: string): boolean => (statSync(path).mode & 0o200) === 0;

describe.each(["directories", "erofs"] as const)("a store of %s", (layerStore) => {
  const open = async (bootId: string): Promise<void> => {
    service = await openImages(workspace.path, { bootId, layerStore });
  };
  const reboot = async (bootId: string): Promise<void> => {
    service[Symbol.dispose]();
    await open(bootId);
  };
  const trees = (id: Parameters<OpenedImages["images"]["acquireRootfs"]>[0]): readonly string[] =>
    service.images.acquireRootfs(id, "test").lowerDirs.flatMap((lower) => describeTree(lower));

  beforeEach(async () => {
    workspace = openWorkspace("durability");
    registry = startChaosRegistry();
    mkdirSync(join(workspace.path, "hosts"), { recursive: true });
    await open("first");
  });

  /** Pulls, and then nothing is marked, as if the power had gone before the sync. */
  const pullUnmarked = async (): Promise<{ readonly id: string; readonly reference: string }> => {
    const reference = registry.add("r", "1", image);
    const { id } = await service.pull(reference);
    service[Symbol.dispose]();
    for (const path of marks()) chmodSync(path, 0o600);
    await open("first");
    return { id, reference };
  };

  test("what was pulled is marked once it is on the disk", async () => {
    await service.pull(registry.add("r", "1", image));
    await waitUntil(() => marks().every(isMarked), { what: "everything is marked" });
    expect(marks().length).toBe(2 + 4);
  });

  test("a restart in the same boot asks nothing, and marks what is left", async () => {
    await pullUnmarked();
    expect(service.images.list()).toHaveLength(1);
    await waitUntil(() => marks().every(isMarked), { what: "everything is marked" });
  });

  test("after a power cut what is whole stays, and what cannot prove it goes", async () => {
    const { reference } = await pullUnmarked();
    const { id } = service.images.list()[0] ?? (await service.pull(reference));
    const before = trees(id);
    await reboot("second");
    expect(service.images.list()).toHaveLength(layerStore === "erofs" ? 1 : 0);
    await service.pull(reference);
    expect(trees(id)).toEqual(before);
  });

  test("after a power cut nothing that is torn passes for whole", async () => {
    const { reference } = await pullUnmarked();
    const { id } = service.images.list()[0] ?? (await service.pull(reference));
    const before = trees(id);
    service[Symbol.dispose]();
    const torn = layerStore === "erofs" ? layerFiles("archive.tar") : layerFiles("layer.json");
    for (const path of torn) writeFileSync(path, readFileSync(path).fill(0, 700));
    for (const path of blobFiles()) truncateSync(path, 100);
    await open("second");
    expect(service.images.list()).toEqual([]);
    expect(blobFiles()).toEqual([]);
    await service.pull(reference);
    expect(trees(id)).toEqual(before);
  });

  test("a torn index is no layer either", async () => {
    if (layerStore !== "erofs") return expect(layerFiles("index.erofs").some(existsSync)).toBe(false);
    const { reference } = await pullUnmarked();
    service[Symbol.dispose]();
    for (const path of layerFiles("index.erofs")) writeFileSync(path, readFileSync(path).fill(1, 1400, 1500));
    await open("second");
    expect(service.images.list()).toEqual([]);
    await service.pull(reference);
    expect(service.images.list()).toHaveLength(1);
  });

  test("no name of a layer leads to a process that has ended: its number may be an attacker's", async () => {
    if (layerStore !== "erofs") return expect(layerFiles("fs").some(isLink)).toBe(false);
    await service.pull(registry.add("r", "1", image));
    await waitUntil(() => marks().every(isMarked), { what: "everything is marked" });
    expect(layerFiles("fs").every(isLink)).toBe(true);
    // As a daemon leaves them that is killed.
    const left = layerFiles("fs").map((path) => [readlinkSync(path), path] as const);
    service[Symbol.dispose]();
    expect(layerFiles("fs").some(isLink)).toBe(false);
    for (const names of left) symlinkSync(...names);
    for (const path of layerFiles("index.erofs")) writeFileSync(path, readFileSync(path).fill(1, 1024, 1500));
    await open("first");
    expect(service.images.list()).toEqual([]);
    expect(layerFiles("fs").some(isLink)).toBe(false);
  });

  test("what is marked is not read again", async () => {
    const reference = registry.add("r", "1", image);
    await service.pull(reference);
    await waitUntil(() => marks().every(isMarked), { what: "everything is marked" });
    const [first = ""] = blobFiles();
    truncateSync(first, 10);
    await reboot("second");
    expect(service.images.list()).toHaveLength(1);
    expect(existsSync(first)).toBe(true);
  });
});
