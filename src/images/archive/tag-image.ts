import { notFound } from "../../errors/crib-error.ts";
import type { GarbageStores } from "../content/collect-garbage.ts";
import { repositoryName } from "../registry/reference.ts";
import { targetOf } from "./image-target.ts";
import { nameOf } from "./name-of.ts";

/** Gives an image one more name. @returns it, normalised. */
export async function tagImage(stores: GarbageStores, word: string, name: string): Promise<string> {
  const reference = nameOf(name);
  const image = stores.index.find(word);
  const record = image === undefined ? undefined : stores.index.record(image.id);
  if (image === undefined || record === undefined) throw notFound("image", word);
  const { digest } = await targetOf(stores, image.id, word);
  const tag = `${repositoryName(reference)}:${reference.tag ?? "latest"}`;
  // Looked at again: it may have been removed while its manifest was looked for.
  if (stores.index.get(image.id) === undefined) throw notFound("image", word);
  stores.index.put(record, [{ reference: tag, imageId: image.id, targetDigest: digest }]);
  return tag;
}
