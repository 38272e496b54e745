import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ImageId } from "../../ids/digest.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Log } from "../../observe/log.ts";
import type { ImageFile, ImageFiles } from "./image-files.ts";
import type { ImageRecord, ImageRecords, ReferenceRecord } from "./image-records.ts";

export interface RestoreStores {
  readonly records: Pick<ImageRecords, "restoreImage" | "deleteReference">;
  readonly files: ImageFiles;
  /** Where the blob of an image's config would be. */
  configPath(id: ImageId): HostPath;
  readonly log: Log;
}

interface Images {
  readonly images: readonly ImageRecord[];
  readonly references: readonly ReferenceRecord[];
}

/**
 * Brings the image tables and the images' files together: what a damaged or lost database no longer knows is found in files
 * and content, an image of a crib that wrote no files gets its own. Blobs and layers have their rows by now.
 */
export async function restoreImages(stores: RestoreStores, recorded: Images): Promise<Images> {
  const { files, log } = stores;
  const images = new Map<ImageId, ImageRecord>();
  for (const image of recorded.images) {
    if (hasDigest(image.rawConfig, image.id)) images.set(image.id, image);
    else log.warn({ image: image.id }, "the config of an image is damaged in the database");
  }
  const found = new Map(files.load());
  for (const image of images.values()) {
    if (found.has(image.id)) continue;
    const references = recorded.references.filter(({ imageId }) => imageId === image.id);
    writeFile(stores, image, references);
  }
  for (const file of found.values()) {
    if (images.has(file.id)) continue;
    const image = await restore(stores, file);
    if (image !== undefined) images.set(image.id, image);
  }
  return { images: [...images.values()], references: agreeOnNames(stores, images, recorded.references) };
}

/** On a full disk the table alone must do. */
function writeFile({ files, log }: RestoreStores, image: ImageRecord, references: readonly ReferenceRecord[]): void {
  try {
    files.put(image, references);
  } catch (error) {
    log.warn({ image: image.id, error: String(error) }, "an image is in the database alone");
  }
}

async function restore(stores: RestoreStores, file: ImageFile): Promise<ImageRecord | undefined> {
  const { references: _references, ...rest } = file;
  try {
    const rawConfig = await readFile(stores.configPath(file.id), "utf8");
    if (!hasDigest(rawConfig, file.id)) throw new TypeError("its config is not what its id says");
    const image = { ...rest, rawConfig };
    stores.records.restoreImage(image, []);
    stores.log.warn({ image: file.id }, "an image was found again by its file");
    return image;
  } catch (error) {
    stores.log.warn({ image: file.id, error: String(error) }, "an image cannot be found again: pull it anew");
    return undefined;
  }
}

/** Files are written first: what they say of names holds. Of two that claim one name, the later pull has it. */
function agreeOnNames(
  { files, records }: RestoreStores,
  images: ReadonlyMap<ImageId, ImageRecord>,
  recorded: readonly ReferenceRecord[],
): readonly ReferenceRecord[] {
  const agreed = new Map<string, ReferenceRecord>();
  const byAge = [...images.values()].sort((a, b) => (a.pulledAtNs < b.pulledAtNs ? -1 : 1));
  for (const image of byAge) {
    const references = files.get(image.id)?.references ?? recorded.filter(({ imageId }) => imageId === image.id);
    for (const reference of references) agreed.set(reference.reference, reference);
  }
  const rows = new Map(recorded.map((reference) => [reference.reference, reference]));
  for (const reference of agreed.values()) {
    const row = rows.get(reference.reference);
    const image = images.get(reference.imageId);
    const same = row?.imageId === reference.imageId && row.targetDigest === reference.targetDigest;
    if (!same && image !== undefined) records.restoreImage(image, [reference]);
  }
  for (const name of rows.keys()) if (!agreed.has(name)) records.deleteReference(name);
  return [...agreed.values()];
}

function hasDigest(text: string, id: ImageId): boolean {
  const algorithm = id.slice(0, id.indexOf(":"));
  return `${algorithm}:${createHash(algorithm).update(text).digest("hex")}` === id;
}
