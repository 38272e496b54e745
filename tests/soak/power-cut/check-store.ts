import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openImages } from "../../harness/image-service.ts";
import { type KnownTrees, type StoreKind, type StoreLife, treesOf } from "./store-life.ts";

export interface StoreVerdict {
  /** Images that are there and whole. */
  readonly whole: number;
  /** What is damaged and passes for good. */
  readonly damaged: readonly string[];
}

/**
 * Opens the store of a disk after a power cut, in another boot. Every image is whole, or absent and pulled again.
 * @param again whether the images are pulled again and looked at, too.
 */
export async function checkStore(
  directory: string,
  layerStore: StoreKind,
  known: KnownTrees,
  life: StoreLife,
  again: boolean,
): Promise<StoreVerdict> {
  // Before the store was made there is nothing that could be damaged.
  if (!existsSync(join(directory, "root/meta.db"))) return { whole: 0, damaged: [] };
  using service = await openImages(directory, { bootId: "second", layerStore });
  const damaged: string[] = [];
  const look = (id: string, when: string): void => {
    if (!Bun.deepEquals(treesOf(service, id), known.get(id))) damaged.push(`image ${id} has another tree ${when}`);
  };
  const listed = service.images.list();
  for (const { id } of listed) look(id, "after the cut");
  for (const name of readdirSync(join(directory, "root/content/sha256"))) {
    const bytes = readFileSync(join(directory, "root/content/sha256", name));
    if (createHash("sha256").update(bytes).digest("hex") !== name) damaged.push(`blob ${name} has other bytes`);
  }
  for (const reference of again ? life.references : []) look((await service.pull(reference)).id, "pulled again");
  return { whole: listed.length, damaged };
}
