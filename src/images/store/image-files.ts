import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { z } from "zod";
import { type ChainId, type Digest, type ImageId, isDigest } from "../../ids/digest.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { Log } from "../../observe/log.ts";
import type { ImageRecord, ReferenceRecord } from "./image-records.ts";

const digest = z.string().refine(isDigest);
const fileSchema = z.object({
  version: z.literal(1),
  id: digest,
  sizeBytes: z.int().min(0),
  pulledAtNs: z.string().regex(/^\d{1,20}$/),
  removed: z.boolean(),
  chainIds: z.array(digest),
  contents: z.array(digest),
  names: z.array(z.object({ reference: z.string(), targetDigest: digest })),
});

/** An image without its config, which is in the content store under the image's id. */
export type ImageFile = Omit<ImageRecord, "rawConfig"> & { readonly references: readonly ReferenceRecord[] };

/**
 * What the tables say of each image a second time, one file each: `<root>/images/<hex of the id>.json`.
 *
 * Blobs and layers are found again by looking at their directories; what an image is called, and which of them are its, stands
 * nowhere but in the database and here. A file is written and synced before its row, and taken away before it.
 */
export class ImageFiles {
  readonly #directory: HostPath;
  readonly #log: Log;
  readonly #files = new Map<ImageId, ImageFile>();

  constructor(root: HostPath, log: Log) {
    this.#directory = joinHostPath(root, "images");
    this.#log = log;
  }

  /** Reads every file; one that cannot be read is told and left alone. */
  load(): ReadonlyMap<ImageId, ImageFile> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const entry of readdirSync(this.#directory, { withFileTypes: true })) {
      if (!entry.isFile() || !/^[0-9a-f]{64,128}\.json$/.test(entry.name)) continue;
      const path = joinHostPath(this.#directory, entry.name);
      try {
        const file = parseFile(readFileSync(path, "utf8"));
        if (this.#path(file.id) !== path) throw new TypeError(`it speaks of ${file.id}`);
        this.#files.set(file.id, file);
      } catch (error) {
        this.#log.warn({ path, error: String(error) }, "the file of an image is unreadable");
      }
    }
    return this.#files;
  }

  get(id: ImageId): ImageFile | undefined {
    return this.#files.get(id);
  }

  /** @param references take their names from whatever image had them. */
  put(image: ImageRecord, references: readonly ReferenceRecord[]): void {
    const taken = new Set(references.map(({ reference }) => reference));
    const kept = (file: ImageFile) => file.references.filter(({ reference }) => !taken.has(reference));
    const before = this.#files.get(image.id);
    this.#write({ ...image, references: [...(before === undefined ? [] : kept(before)), ...references] });
    for (const other of this.#files.values()) {
      const left = kept(other);
      if (other.id !== image.id && left.length !== other.references.length) this.#write({ ...other, references: left });
    }
  }

  /** The image has no name any more; if nothing holds it either, its file goes. */
  remove(id: ImageId, held: boolean): void {
    const file = this.#files.get(id);
    if (held && file !== undefined) this.#write({ ...file, removed: true, references: [] });
    else this.drop(id);
  }

  drop(id: ImageId): void {
    this.#files.delete(id);
    rmSync(this.#path(id), { force: true });
  }

  #write(file: ImageFile): void {
    const { id, sizeBytes, pulledAtNs, removed, chainIds, contents } = file;
    const names = file.references.map(({ reference, targetDigest }) => ({ reference, targetDigest }));
    const text = JSON.stringify({
      version: 1,
      id,
      sizeBytes,
      pulledAtNs: String(pulledAtNs),
      removed,
      chainIds,
      contents,
      names,
    });
    writeSynced(this.#path(id), text);
    syncDirectory(this.#directory);
    this.#files.set(id, { id, sizeBytes, pulledAtNs, removed, chainIds, contents, references: file.references });
  }

  #path(id: ImageId): HostPath {
    return joinHostPath(this.#directory, `${id.slice(id.indexOf(":") + 1)}.json`);
  }
}

function parseFile(text: string): ImageFile {
  const { version: _version, names, ...file } = fileSchema.parse(JSON.parse(text));
  const id = file.id as string as ImageId;
  return {
    ...file,
    id,
    pulledAtNs: BigInt(file.pulledAtNs) as UnixNanos,
    chainIds: file.chainIds as readonly string[] as readonly ChainId[],
    contents: file.contents as readonly Digest[],
    references: names.map(({ reference, targetDigest }) => ({ reference, imageId: id, targetDigest })),
  };
}

function writeSynced(path: string, text: string): void {
  const aside = `${path}.new`;
  const fd = openSync(aside, "w", 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(aside, path);
}

function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
