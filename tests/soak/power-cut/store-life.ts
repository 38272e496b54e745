import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ChaosRegistry, startChaosRegistry } from "../../fixtures/chaos-registry.ts";
import { type BuiltImage, type BuiltLayer, buildImage, compressLayer } from "../../fixtures/image-builder.ts";
import { LayerBuilder } from "../../fixtures/layer-builder.ts";
import { describeTree } from "../../harness/describe-tree.ts";
import { type OpenedImages, openImages } from "../../harness/image-service.ts";
import { waitUntil } from "../../harness/wait-until.ts";

export const storeKinds = ["erofs", "directories"] as const;
export type StoreKind = (typeof storeKinds)[number];

/** Images by their ids, as a store that was never cut has them. */
export type KnownTrees = ReadonlyMap<string, readonly string[]>;

/** Two images over one layer, with names that hide others and directories that nobody made. */
export class StoreLife implements Disposable {
  readonly registry: ChaosRegistry = startChaosRegistry();
  readonly references: readonly string[];

  constructor() {
    const base = compressLayer(
      new LayerBuilder().dir("etc").file("etc/passwd", "root:x:0:0").file("kept", noise(40)).build(),
    );
    const image = (layer: BuiltLayer): BuiltImage => buildImage([base, layer], {});
    const one = new LayerBuilder().file("etc/implied/new", noise(200)).whiteout("etc/passwd");
    const two = new LayerBuilder().file("etc/other", noise(90)).hardLink("linked", "etc/other").symlink("sym", "kept");
    this.references = [one, two].map((layer, index) =>
      this.registry.add(`image-${index}`, "1", image(compressLayer(layer.build()))),
    );
  }

  /** Pulls, removes, collects and pulls again in `directory`. @returns what the images are. */
  async live(directory: string, layerStore: StoreKind): Promise<KnownTrees> {
    mkdirSync(join(directory, "hosts"), { recursive: true });
    using service = await openImages(directory, { bootId: "first", layerStore });
    const [one = "", two = ""] = this.references;
    const trees = new Map<string, readonly string[]>();
    for (const reference of [one, two]) {
      const { id } = await service.pull(reference);
      trees.set(id, treesOf(service, id));
      await settled(directory);
    }
    await service.images.remove(one);
    await service.images.collectGarbage();
    // At once: what is being removed and what comes are on their way to the disk together.
    await service.pull(one);
    await settled(directory);
    await service.images.remove(two);
    return trees;
  }

  [Symbol.dispose](): void {
    this.registry[Symbol.dispose]();
  }
}

/** Of every layer, bottom first. */
export function treesOf(service: OpenedImages, id: string): readonly string[] {
  const known = id as Parameters<typeof service.images.acquireRootfs>[0];
  const { lowerDirs } = service.images.acquireRootfs(known, "power-cut");
  const trees = lowerDirs.flatMap((lower) => describeTree(lower)).map(withoutOwnTime);
  service.images.release("power-cut");
  return trees;
}

/** A directory that no archive has, and a whiteout in a directory of a store, are as old as their layer is. */
function withoutOwnTime(line: string): string {
  return line.replace(/( [24]\d{4} \d+:\d+) \d+ /, "$1 ");
}

/** The files whose mode says whether they are known to be on the disk. */
async function settled(directory: string): Promise<void> {
  await waitUntil(() => marks(directory).every((path) => (statSync(path).mode & 0o200) === 0), {
    what: "all of it is marked as being on the disk",
  });
}

function marks(directory: string): readonly string[] {
  const below = (...names: string[]): string => join(directory, "root", ...names);
  const layers = readdirSync(below("layers/sha256")).map((name) => below("layers/sha256", name, "layer.json"));
  return [...layers, ...readdirSync(below("content/sha256")).map((name) => below("content/sha256", name))];
}

/** Compresses badly: bytes that are missing cannot be guessed. */
function noise(kibibytes: number): Uint8Array {
  const bytes = new Uint8Array(kibibytes * 1024);
  for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}
