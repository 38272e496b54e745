import { CribError, notFound } from "../../errors/crib-error.ts";
import type { ChainId, Digest, ImageId } from "../../ids/digest.ts";
import type { Image, ImageConfig } from "../port.ts";
import { parseImageConfig } from "../pull/image-config.ts";
import { parseReference, repositoryName } from "../registry/reference.ts";
import type { HolderRecord, ImageRecord, ImageRecords, ReferenceRecord } from "./image-records.ts";

interface Entry {
  readonly record: ImageRecord;
  readonly config: ImageConfig;
  /** Built when asked for, forgotten when a name or the image changes. */
  view: Image | undefined;
}

const minPrefixLength = 4;

/** Images, their names and their holders: the tables kept in memory, every change written before it is seen. */
export class ImageCatalogue {
  readonly #records: ImageRecords;
  #isPinned: (references: readonly string[]) => boolean;
  readonly #isWhole: (image: ImageRecord) => boolean;
  readonly #images = new Map<ImageId, Entry>();
  readonly #references = new Map<string, ReferenceRecord>();
  readonly #holders = new Map<string, ImageId>();

  /** @param isWhole whether all layers of an image are on the disk: others are not listed. */
  constructor(
    records: ImageRecords,
    isPinned: (references: readonly string[]) => boolean,
    isWhole: (image: ImageRecord) => boolean,
  ) {
    this.#records = records;
    this.#isPinned = isPinned;
    this.#isWhole = isWhole;
  }

  /** @returns images whose config this crib does not read: they are not listed, and can be pulled again. */
  open(
    images: readonly ImageRecord[],
    references: readonly ReferenceRecord[],
    holders: readonly HolderRecord[],
  ): readonly { readonly id: ImageId; readonly error: CribError }[] {
    const unread: { readonly id: ImageId; readonly error: CribError }[] = [];
    for (const image of images) {
      try {
        this.#images.set(image.id, toEntry(image));
      } catch (error) {
        if (!CribError.is(error)) throw error;
        unread.push({ id: image.id, error });
      }
    }
    for (const reference of references) this.#references.set(reference.reference, reference);
    for (const { holder, imageId } of holders) this.#holders.set(holder, imageId);
    return unread;
  }

  /** Adds or refreshes an image and points `references` at it, away from whatever they named. */
  put(image: ImageRecord, references: readonly ReferenceRecord[]): void {
    const contents = new Set([...(this.#images.get(image.id)?.record.contents ?? []), ...image.contents]);
    const merged = { ...image, contents: [...contents] };
    this.#records.putImage(merged, references);
    this.#images.set(image.id, toEntry(merged));
    for (const reference of references) {
      this.#forgetView(this.#references.get(reference.reference)?.imageId);
      this.#references.set(reference.reference, reference);
    }
  }

  /** Everything listed, without order. */
  list(): readonly Image[] {
    return [...this.#images.values()].filter((entry) => this.#isListed(entry)).map((entry) => this.#view(entry));
  }

  get(id: ImageId): Image | undefined {
    const entry = this.#images.get(id);
    return entry !== undefined && this.#isListed(entry) ? this.#view(entry) : undefined;
  }

  /** By name first, then by id or an unambiguous prefix of one. */
  find(text: string): Image | undefined {
    const named = this.#findByName(text);
    if (named !== undefined) return named;
    const hex = text.startsWith("sha256:") ? text.slice("sha256:".length) : text;
    if (hex.length < minPrefixLength || !/^[0-9a-f]{1,64}$/.test(hex)) return undefined;
    const matches = [...this.#images.values()].filter(
      (entry) => this.#isListed(entry) && entry.record.id.startsWith(`sha256:${hex}`),
    );
    return matches.length === 1 && matches[0] !== undefined ? this.#view(matches[0]) : undefined;
  }

  /** The image whatever its state: removed ones stay for their holders. */
  record(id: ImageId): ImageRecord | undefined {
    return this.#images.get(id)?.record;
  }

  /** Takes the names; keeps a held image unlisted. @returns whether it is gone for good, and its layers are free. */
  remove(id: ImageId): boolean {
    const entry = this.#images.get(id);
    if (entry === undefined) return false;
    const held = this.isHeld(id);
    this.#records.removeImage(id, held);
    for (const [name, reference] of this.#references) {
      if (reference.imageId === id) this.#references.delete(name);
    }
    if (held) this.#images.set(id, { ...entry, record: { ...entry.record, removed: true }, view: undefined });
    else this.#images.delete(id);
    return !held;
  }

  isHeld(id: ImageId): boolean {
    return [...this.#holders.values()].includes(id);
  }

  /** @throws {CribError} not-found for an image that is not listed and not already held by `holder`. */
  hold(id: ImageId, holder: string): ImageRecord {
    const entry = this.#images.get(id);
    if (entry === undefined || (this.#holders.get(holder) !== id && !this.#isListed(entry)))
      throw notFound("image", id);
    if (this.#holders.get(holder) !== id) {
      this.#records.putHolder({ holder, imageId: id });
      this.#holders.set(holder, id);
    }
    return entry.record;
  }

  /** @returns the image the holder had; undefined when it had none. */
  letGo(holder: string): ImageId | undefined {
    const id = this.#holders.get(holder);
    if (id === undefined) return undefined;
    this.#records.deleteHolder(holder);
    this.#holders.delete(holder);
    return id;
  }

  get holders(): readonly string[] {
    return [...this.#holders.keys()];
  }

  /** Every image that is known, listed or not. */
  records(): readonly ImageRecord[] {
    return [...this.#images.values()].map((entry) => entry.record);
  }

  /** What an image is called, also one that is not whole and not listed. */
  namesOf(id: ImageId): readonly ReferenceRecord[] {
    return [...this.#references.values()].filter((reference) => reference.imageId === id);
  }

  /** Layers that containers have. */
  heldChainIds(): ReadonlySet<ChainId> {
    return new Set([...new Set(this.#holders.values())].flatMap((id) => this.record(id)?.chainIds ?? []));
  }

  /** Chain ids and digests of all images, removed but held ones included. */
  inUse(): { readonly chainIds: ReadonlySet<ChainId>; readonly digests: ReadonlySet<Digest> } {
    const records = [...this.#images.values()].map((entry) => entry.record);
    return {
      chainIds: new Set(records.flatMap((record) => record.chainIds)),
      digests: new Set(records.flatMap((record) => record.contents)),
    };
  }

  #findByName(text: string): Image | undefined {
    const name = canonicalName(text);
    const reference = name === undefined ? undefined : this.#references.get(name);
    return reference === undefined ? undefined : this.get(reference.imageId);
  }

  #isListed(entry: Entry): boolean {
    return !entry.record.removed && this.#isWhole(entry.record);
  }

  #forgetView(id: ImageId | undefined): void {
    const entry = id === undefined ? undefined : this.#images.get(id);
    if (entry !== undefined) entry.view = undefined;
  }

  #view(entry: Entry): Image {
    entry.view ??= this.#makeView(entry);
    return entry.view;
  }

  /** From now on these are the pinned ones. */
  setPinned(isPinned: (references: readonly string[]) => boolean): void {
    this.#isPinned = isPinned;
    for (const entry of this.#images.values()) entry.view = undefined;
  }

  #makeView({ record, config }: Entry): Image {
    const names = [...this.#references.values()]
      .filter((reference) => reference.imageId === record.id)
      .map(({ reference }) => reference);
    const repoTags = names.filter((name) => !name.includes("@")).sort();
    const repoDigests = names.filter((name) => name.includes("@")).sort();
    return Object.freeze({
      id: record.id,
      repoTags: Object.freeze(repoTags),
      repoDigests: Object.freeze(repoDigests),
      sizeBytes: BigInt(record.sizeBytes),
      config,
      rawConfig: record.rawConfig,
      pinned: this.#isPinned(names),
      pulledAtNs: record.pulledAtNs,
    });
  }
}

function toEntry(record: ImageRecord): Entry {
  const { config } = parseImageConfig(new TextEncoder().encode(record.rawConfig), `config of image ${record.id}`);
  return { record, config, view: undefined };
}

/** The row a reference would be under: a digest decides alone, its tag is a comment. Undefined for what is no name, perhaps an id. */
export function canonicalName(text: string): string | undefined {
  try {
    const reference = parseReference(text);
    const name = repositoryName(reference);
    return reference.digest === undefined ? `${name}:${reference.tag ?? "latest"}` : `${name}@${reference.digest}`;
  } catch (error) {
    if (!CribError.is(error)) throw error;
    return undefined;
  }
}
